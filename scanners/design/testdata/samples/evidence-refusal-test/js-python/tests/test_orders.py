class TestOrders(TestCase):
    def test_anonymous(self):
        response = self.client.get("/orders/7/")
        self.assertEqual(response.status_code, 403)

    async def test_token(client):
        r = await client.post(f"{BASE}/token")
        assert r.status_code == status.HTTP_401_UNAUTHORIZED
