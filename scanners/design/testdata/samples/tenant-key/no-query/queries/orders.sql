-- name: ListOrders :many
SELECT id, organization_id FROM orders WHERE organization_id = $1;
UPDATE orders SET organization_id = $2 WHERE id = $1;
