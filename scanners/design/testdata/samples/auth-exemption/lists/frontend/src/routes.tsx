const publicRoutes = ["/login", "/signup"];
