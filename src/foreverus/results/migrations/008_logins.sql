-- Who logs in. The role that keeps results does so itself from now on, and there is one that takes people out. Both get
-- their passwords with each deployment (results/logins.py). Neither is a member of any other role: there is nothing to
-- change to.

DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'foreverus_eraser') THEN
        CREATE ROLE foreverus_eraser NOLOGIN;
    END IF;
END
$$;

-- Of the person whom the transaction names: the policies of 007 are for every role but the owner. Messages go with their
-- conversation.
GRANT SELECT, DELETE ON users, conversations, usage, batches TO foreverus_eraser;

GRANT SELECT ON messages TO foreverus_eraser;

GRANT SELECT, INSERT ON erased_people TO foreverus_eraser;

-- Sessions stay, without whose they were.
GRANT SELECT (session_id, owner), UPDATE (owner) ON sessions TO foreverus_eraser;

-- Everybody may make temporary tables by default.
DO $$
BEGIN
    EXECUTE format('REVOKE TEMPORARY ON DATABASE %I FROM PUBLIC', current_database());
END
$$;
