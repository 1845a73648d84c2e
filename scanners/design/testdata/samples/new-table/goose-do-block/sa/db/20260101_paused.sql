-- +goose Up
-- SQL in section 'Up' is executed when this migration is applied
CREATE TABLE `paused` (
  `id` bigint(20) UNSIGNED NOT NULL,
  `identifierValue` varchar(255) NOT NULL,
  PRIMARY KEY (`id`)
) ENGINE=InnoDB;

-- +goose Down
CREATE TABLE `unpaused` (`id` bigint);
