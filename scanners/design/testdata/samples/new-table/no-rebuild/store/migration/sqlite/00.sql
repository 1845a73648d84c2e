PRAGMA foreign_keys = off;
CREATE TABLE memo_temp (id INTEGER PRIMARY KEY, content TEXT);
INSERT INTO memo_temp SELECT id, content FROM memo;
DROP TABLE memo;
ALTER TABLE memo_temp RENAME TO memo;
