ALTER TABLE settings_flows ADD COLUMN organization_id uuid;
