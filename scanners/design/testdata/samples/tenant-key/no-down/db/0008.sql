-- +goose Up
ALTER TABLE flows DROP COLUMN tenant_id;
-- +goose Down
ALTER TABLE flows ADD COLUMN tenant_id uuid;
