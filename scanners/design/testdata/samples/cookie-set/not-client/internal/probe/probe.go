package probe

import "net/http"

func request(id string) *http.Request {
	r, _ := http.NewRequest("GET", "/", nil)
	r.AddCookie(&http.Cookie{Name: "sid", Value: id})
	return r
}
