package ws

import (
	"net/http"

	"github.com/gorilla/websocket"
)

var upgrader = websocket.Upgrader{ReadBufferSize: 1024}

var checked = websocket.Upgrader{CheckOrigin: sameOrigin}

func open(w http.ResponseWriter, r *http.Request) {
	u := websocket.Upgrader{CheckOrigin: func(*http.Request) bool { return true }}
	_, _ = u.Upgrade(w, r, nil)
}
