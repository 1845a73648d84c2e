# CREATE TABLE notes (id int)
HINT = "Tables are made with the command of the same name."
