-- Of a session's time and cost: until its GPUs answered, and while they were ready and nobody asked; and what the same
-- tokens had cost on Bedrock, or a GPU that is never switched off, for a day. Null in older receipts, and where it is
-- not known.

ALTER TABLE receipts ADD COLUMN boot_seconds numeric;

ALTER TABLE receipts ADD COLUMN idle_seconds numeric;

ALTER TABLE receipts ADD COLUMN idle_usd numeric;

ALTER TABLE receipts ADD COLUMN if_bedrock_usd numeric;

ALTER TABLE receipts ADD COLUMN always_on_day_usd numeric;
