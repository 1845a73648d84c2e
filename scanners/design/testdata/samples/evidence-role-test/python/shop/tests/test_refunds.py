def test_refund_without_permission(staff_client, order):
    staff_client.user.grant(OrderPermissions.MANAGE_REFUNDS)
    response = staff_client.post(f"/refunds/{order.id}")
    assert response.status_code == 403
