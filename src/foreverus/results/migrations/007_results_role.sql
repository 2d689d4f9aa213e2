-- The role that keeps results: no owner of anything. It has the rights below and no others, and sees of people what is the
-- person's whose id the transaction names (foreverus.user_id). The owner, who migrates, sees everything.

DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'foreverus_results') THEN
        CREATE ROLE foreverus_results NOLOGIN;
    END IF;
END
$$;

-- Who migrates may act as it, and does not have its policies: it owns the tables.
GRANT foreverus_results TO CURRENT_USER;

-- What is the team's: a session has no text of anybody. Nothing of it is deleted.
GRANT SELECT, INSERT, UPDATE ON sessions, receipts TO foreverus_results;

-- What is a person's.
GRANT SELECT, INSERT ON users TO foreverus_results;

GRANT SELECT, INSERT, UPDATE, DELETE ON conversations TO foreverus_results;

GRANT SELECT, INSERT, UPDATE ON messages, usage, batches TO foreverus_results;

-- That something is gone: an id, never removed.
GRANT SELECT, INSERT ON erased_conversations TO foreverus_results;

GRANT SELECT ON erased_people TO foreverus_results;

ALTER TABLE users ENABLE ROW LEVEL SECURITY;

ALTER TABLE conversations ENABLE ROW LEVEL SECURITY;

ALTER TABLE messages ENABLE ROW LEVEL SECURITY;

ALTER TABLE usage ENABLE ROW LEVEL SECURITY;

ALTER TABLE batches ENABLE ROW LEVEL SECURITY;

-- Without the setting nothing is anybody's: a comparison with null is not true.
CREATE POLICY own_rows ON users USING (user_id = current_setting('foreverus.user_id', true));

CREATE POLICY own_rows ON conversations USING (user_id = current_setting('foreverus.user_id', true));

CREATE POLICY own_rows ON usage USING (user_id = current_setting('foreverus.user_id', true));

CREATE POLICY own_rows ON batches USING (user_id = current_setting('foreverus.user_id', true));

-- A message is whose its conversation is. One of a conversation that is not there gets to the foreign key, which says so.
CREATE FUNCTION person_of_conversation(id text) RETURNS text LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT c.user_id FROM conversations c WHERE c.conversation_id = id
$$;

CREATE POLICY own_rows ON messages
    USING (coalesce(person_of_conversation(conversation_id), current_setting('foreverus.user_id', true)) = current_setting('foreverus.user_id', true));
