ALTER TABLE invoices ENABLE ROW LEVEL SECURITY;
CREATE POLICY by_tenant ON invoices USING (tenant_id = current_setting('app.tenant')::uuid);
