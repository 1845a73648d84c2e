def test_invoice_of_other_tenant(client, other_tenant):
    invoice = Invoice.create(tenant=other_tenant)
    assert client.get(f"/invoices/{invoice.id}").status_code == 404
