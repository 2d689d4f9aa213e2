-- What Bedrock took for a session whose GPU could not be had. Null where its price is not known, and in older receipts.

ALTER TABLE receipts ADD COLUMN bedrock_usd numeric;
