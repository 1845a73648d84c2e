package main

import "net/http"

func request(token string) *http.Request {
	r, _ := http.NewRequest("POST", "/logout", nil)
	c := &http.Cookie{Name: "token", Value: token}
	r.AddCookie(c)
	return r
}
