import { WebSocketServer } from "ws";
export const wss = new WebSocketServer({ server, path: "/live" });
