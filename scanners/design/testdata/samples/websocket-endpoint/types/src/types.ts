export interface Options { websocket: boolean }
// new WebSocketServer({ port: 1 })
