describe("orders", () => {
  it("needs a login", async () => {
    await request(app).get("/orders/7?full=1").expect(401);
  });
  it.each(["/a", "/b"])("refuses %s", () => {});
  test("lists all", async () => {
    for (const p of ["/x", "/y"]) {
      const res = await api.post(p);
      expect(res.status).toBe(403);
    }
    expect((await api.get(`${url}/z`)).status).not.toBe(403);
  });
});
