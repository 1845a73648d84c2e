import axios from "axios";
const api = axios.create({ baseURL: "/api" });
export const load = () => api.get("/orders", { params: { page: 1 } });
export const save = (o) => axios.post("/orders", o);
export const router = createBrowserRouter([{ path: "/orders", element: <Orders /> }]);
