package send

import "net/http"

func Send(url string) error {
	_, err := http.Post("https://hooks.example.com/webhook", "application/json", nil)
	return err
}
