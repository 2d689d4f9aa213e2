-- Questions that people have deleted with their answers: the id alone, so that a store that runs late does not write one
-- back. Whoever deletes holds the conversation's lock alone, which a message's write shares (004).

CREATE TABLE erased_exchanges (
    message_id  text PRIMARY KEY,
    erased_at   timestamptz NOT NULL DEFAULT now()
);

-- A question is msg_…, its answer ans_… with the same end.
CREATE FUNCTION skip_erased_exchange() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM erased_exchanges e WHERE e.message_id = 'msg_' || substr(NEW.message_id, 5)) THEN
        RETURN NULL;
    END IF;
    RETURN NEW;
END
$$;

-- After skip_erased, which takes the lock: triggers run in the order of their names.
CREATE TRIGGER skip_erased_exchange BEFORE INSERT ON messages FOR EACH ROW EXECUTE FUNCTION skip_erased_exchange();

GRANT SELECT, INSERT ON erased_exchanges TO foreverus_results;

GRANT DELETE ON messages TO foreverus_results;
