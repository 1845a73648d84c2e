const ws = new WebSocket("wss://example.com/live");
import { io } from "socket.io-client";
const server = new Server(app);
