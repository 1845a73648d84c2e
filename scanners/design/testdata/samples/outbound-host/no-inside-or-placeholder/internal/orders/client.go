package orders

import "net/http"

const baseURL = "http://orders.default.svc.cluster.local:8080"

func get() { http.Get("https://api.example.com/v1"); http.Get("http://localhost:9000") }
