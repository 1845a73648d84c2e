import { http, HttpResponse } from "msw";
export const handlers = [http.get("/orders", () => HttpResponse.json([]))];
const app = {};
app.get("/orders", handler);
