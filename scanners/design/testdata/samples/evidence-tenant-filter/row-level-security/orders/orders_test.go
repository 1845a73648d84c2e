package orders

func TestOtherTenantCannotRead(t *testing.T) {}
