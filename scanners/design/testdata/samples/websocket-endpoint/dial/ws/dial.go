package ws

import "github.com/gorilla/websocket"

func dial() { websocket.DefaultDialer.Dial("wss://example.com", nil) }
