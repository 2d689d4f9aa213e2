-- People who have left: a digest of the id alone, so that a store that runs late writes nothing of them back.

CREATE TABLE erased_people (
    digest     text PRIMARY KEY,
    erased_at  timestamptz NOT NULL DEFAULT now()
);

-- Whoever deletes holds the same lock alone until the tombstone is there for all to see.
CREATE FUNCTION is_erased_person(person text) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock_shared(hashtextextended(person, 0));
    RETURN EXISTS (SELECT 1 FROM erased_people e WHERE e.digest = encode(sha256(convert_to(person, 'UTF8')), 'hex'));
END
$$;

CREATE FUNCTION skip_erased_person() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF is_erased_person(NEW.user_id) THEN
        RETURN NULL;
    END IF;
    RETURN NEW;
END
$$;

CREATE TRIGGER skip_erased_person BEFORE INSERT ON users FOR EACH ROW EXECUTE FUNCTION skip_erased_person();

CREATE TRIGGER skip_erased_person BEFORE INSERT ON conversations FOR EACH ROW EXECUTE FUNCTION skip_erased_person();

CREATE TRIGGER skip_erased_person BEFORE INSERT ON usage FOR EACH ROW EXECUTE FUNCTION skip_erased_person();

CREATE TRIGGER skip_erased_person BEFORE INSERT ON batches FOR EACH ROW EXECUTE FUNCTION skip_erased_person();

-- A session stays, with what it cost: only whose it was is forgotten.
CREATE FUNCTION forget_erased_owner() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF is_erased_person(NEW.owner) THEN
        NEW.owner := 'erased';
    END IF;
    RETURN NEW;
END
$$;

CREATE TRIGGER forget_erased_owner BEFORE INSERT ON sessions FOR EACH ROW EXECUTE FUNCTION forget_erased_owner();
