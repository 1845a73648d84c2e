CREATE TABLE tenants (
  tenant_id uuid PRIMARY KEY,
  name text
);
CREATE INDEX idx_tenant ON orders (tenant_id);
