package proxy

import "net/http"

func value(target string) (string, error) {
	req, err := http.NewRequest("CONNECT", target, nil)
	if err != nil {
		return "", err
	}
	if err := sign(req); err != nil {
		return "", err
	}
	return req.Header.Get("Authorization"), nil
}
