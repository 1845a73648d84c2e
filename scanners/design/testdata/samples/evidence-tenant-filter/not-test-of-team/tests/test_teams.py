def test_another_team(client):
    assert client.post("/teams", {"name": "b"}).status_code == 201
