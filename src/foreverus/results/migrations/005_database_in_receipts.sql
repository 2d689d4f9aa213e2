-- What it cost that this database woke up to keep a session. 0 in older receipts: nobody reckoned with it.

ALTER TABLE receipts ADD COLUMN database_usd numeric NOT NULL DEFAULT 0;
