const express = require("express");
const app = express();
const env = app.get("env");
app.set("trust proxy", 1);
app.use("/static", express.static("public"));
const map = new Map();
map.get("/x", 1);
