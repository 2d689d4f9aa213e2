-- Whether the page may offer to remember what somebody says about themselves.

ALTER TABLE preferences ADD COLUMN suggest_memories boolean NOT NULL DEFAULT false;
