def test_anonymous(client):
    assert client.get("/orders").status_code == 403
