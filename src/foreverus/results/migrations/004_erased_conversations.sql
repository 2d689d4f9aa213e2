-- Conversations that people have deleted: the id alone, so that a store that runs late does not write one back.

CREATE TABLE erased_conversations (
    conversation_id  text PRIMARY KEY,
    erased_at        timestamptz NOT NULL DEFAULT now()
);

-- Whoever deletes holds the same lock alone until the tombstone is there for all to see.
CREATE FUNCTION skip_erased_conversation() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock_shared(hashtextextended(NEW.conversation_id, 0));
    IF EXISTS (SELECT 1 FROM erased_conversations e WHERE e.conversation_id = NEW.conversation_id) THEN
        RETURN NULL;
    END IF;
    RETURN NEW;
END
$$;

CREATE TRIGGER skip_erased BEFORE INSERT ON conversations FOR EACH ROW EXECUTE FUNCTION skip_erased_conversation();

CREATE TRIGGER skip_erased BEFORE INSERT ON messages FOR EACH ROW EXECUTE FUNCTION skip_erased_conversation();
