import express, { Router } from "express";
import { requireUser } from "../auth";

const prefix = "/x";
const orders = Router();
orders.get("/orders", requireUser, async (req, res) => res.json([]));
orders.post('/orders', (req, res) => {});
orders
  .route("/orders/:id")
  .all(requireUser)
  .put(update)
  .delete((req, res) => { res.end(")"); });
// orders.get("/commented", h);

export const app = express();
app.use("/api", orders);
app.get("/health", (_, res) => res.send("ok"));
