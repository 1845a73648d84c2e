-- CREATE TABLE drafts (id int);
/* CREATE TABLE old_drafts (id int); */
INSERT INTO help (text) VALUES ('CREATE TABLE demo (id int)');
