-- What people prefer, what they want remembered, which documents they have: a copy of DynamoDB's, whole for each person,
-- for questions about all of it together (docs/history.md). Nothing is answered from it.

CREATE TABLE preferences (
    user_id       text PRIMARY KEY REFERENCES users,
    backend       text,
    language      text,
    theme         text,
    sounds        boolean NOT NULL,
    reads_aloud   boolean NOT NULL,
    sends_spoken  boolean NOT NULL,
    hears         text,
    voice_pt      text,
    voice_en      text,
    speed_pt      numeric,
    speed_en      numeric
);

-- No reference to the conversation: it may be written later, or be deleted, which leaves what was remembered in it.
CREATE TABLE memories (
    user_id          text NOT NULL REFERENCES users,
    memory_id        text NOT NULL,
    content          text NOT NULL,
    enabled          boolean NOT NULL,
    conversation_id  text,
    created_at       timestamptz NOT NULL,
    updated_at       timestamptz NOT NULL,
    PRIMARY KEY (user_id, memory_id)
);

-- Their chunks are in document_chunks (014), from when a document is read: no reference either.
CREATE TABLE documents (
    user_id      text NOT NULL REFERENCES users,
    document_id  text NOT NULL,
    filename     text NOT NULL,
    status       text NOT NULL,
    trouble      text,
    bytes        bigint NOT NULL,
    pages        bigint NOT NULL,
    chunks       bigint NOT NULL,
    characters   bigint NOT NULL,
    tokens       bigint NOT NULL,
    usd          numeric,
    created_at   timestamptz NOT NULL,
    PRIMARY KEY (user_id, document_id)
);

ALTER TABLE preferences ENABLE ROW LEVEL SECURITY;

ALTER TABLE memories ENABLE ROW LEVEL SECURITY;

ALTER TABLE documents ENABLE ROW LEVEL SECURITY;

CREATE POLICY own_rows ON preferences USING (user_id = current_setting('foreverus.user_id', true));

CREATE POLICY own_rows ON memories USING (user_id = current_setting('foreverus.user_id', true));

CREATE POLICY own_rows ON documents USING (user_id = current_setting('foreverus.user_id', true));

CREATE TRIGGER skip_erased_person BEFORE INSERT ON preferences FOR EACH ROW EXECUTE FUNCTION skip_erased_person();

CREATE TRIGGER skip_erased_person BEFORE INSERT ON memories FOR EACH ROW EXECUTE FUNCTION skip_erased_person();

CREATE TRIGGER skip_erased_person BEFORE INSERT ON documents FOR EACH ROW EXECUTE FUNCTION skip_erased_person();

-- A copy is made anew and never changed.
GRANT SELECT, INSERT, DELETE ON preferences, memories, documents TO foreverus_results;

GRANT SELECT, DELETE ON preferences, memories, documents TO foreverus_eraser;
