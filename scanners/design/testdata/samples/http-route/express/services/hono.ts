import { Hono } from "hono";

export const app = new Hono()
  .get("/teams/:id", (c) => c.json({}))
  .post("/teams", zValidator("json", schema), (c) => c.json({}));
