DO $$
BEGIN
  CREATE TABLE IF NOT EXISTS audit.events (id bigint);
END $$;
