def test_open(client):
    r = client.get("/orders")
    assert r.status_code != 403
    assert r.status_code == 200


def test_other(client):
    assert make(401) is None


def helper():
    client.get("/orders")
