-- What Bedrock answers in a chat has no session.

ALTER TABLE usage ALTER COLUMN session_id DROP NOT NULL;
