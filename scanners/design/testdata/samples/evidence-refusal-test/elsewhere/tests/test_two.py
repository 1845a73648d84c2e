def test_path(client):
    client.get("/orders")


def test_code(client):
    assert code == 403
