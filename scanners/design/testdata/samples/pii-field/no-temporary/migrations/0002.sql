CREATE TEMPORARY TABLE import_rows (email text, phone text);
CREATE TABLE users_backup (email text);
CREATE TABLE #matched (email nvarchar(320));
