import websockets
ws = websockets.connect("wss://example.com")
