export const routes = [{ path: "/admin/users", element: <Users /> }];
api.get("/admin/users", { params });
