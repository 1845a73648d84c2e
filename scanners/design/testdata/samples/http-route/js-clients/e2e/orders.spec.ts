router.get("/orders", handler);
