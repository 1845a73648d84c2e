CREATE TABLE `__new_orders` (`id` integer PRIMARY KEY, `tenant_id` text NOT NULL);
INSERT INTO `__new_orders` SELECT `id`, `tenant_id` FROM `orders`;
DROP TABLE `orders`;
ALTER TABLE `__new_orders` RENAME TO `orders`;
