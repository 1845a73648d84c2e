const { Server } = require("socket.io");
const io = new Server(http, { cors: { origin: "*" } });
