def test_orders(client):
    client.user.grant(OrderPermissions.MANAGE_ORDERS)
    assert client.get("/orders").status_code == 200


def test_forbidden(client):
    assert client.get("/orders").status_code == 403
