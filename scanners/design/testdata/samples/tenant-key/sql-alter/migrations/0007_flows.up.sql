-- rows of a flow belong to one organisation
ALTER TABLE settings_flows
    ADD COLUMN IF NOT EXISTS organization_id uuid NULL,
    ADD COLUMN note text;
