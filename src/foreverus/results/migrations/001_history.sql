-- What is kept of the past: people, conversations and their messages, sessions with their receipts, usage by day.
-- Ids are ours, so every write can be repeated (INSERT ... ON CONFLICT).

CREATE TABLE users (
    user_id     text PRIMARY KEY,
    first_seen  timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE sessions (
    session_id        text PRIMARY KEY,
    owner             text NOT NULL,
    trigger           text NOT NULL,
    outcome           text NOT NULL,
    error             text,
    cause             text,
    created_at        timestamptz NOT NULL,
    launched_at       timestamptz,
    healthy_at        timestamptz,
    ended_at          timestamptz NOT NULL,
    attempts          integer NOT NULL
);

CREATE TABLE receipts (
    session_id          text PRIMARY KEY REFERENCES sessions,
    instance_id         text,
    instance_type       text,
    lifecycle           text,
    region              text NOT NULL,
    launched_at         timestamptz,
    terminated_at       timestamptz NOT NULL,
    instance_seconds    numeric NOT NULL,
    price_per_hour_usd  numeric,
    price_source        text,
    gpu_usd             numeric,
    storage_usd         numeric NOT NULL,
    address_usd         numeric NOT NULL,
    total_usd           numeric
);

CREATE TABLE conversations (
    conversation_id  text PRIMARY KEY,
    user_id          text NOT NULL REFERENCES users,
    title            text NOT NULL,
    system           text NOT NULL,
    created_at       timestamptz NOT NULL,
    updated_at       timestamptz NOT NULL
);

CREATE TABLE messages (
    message_id       text PRIMARY KEY,
    conversation_id  text NOT NULL REFERENCES conversations ON DELETE CASCADE,
    role             text NOT NULL CHECK (role IN ('user', 'assistant')),
    content          text NOT NULL,
    status           text NOT NULL,
    error            text,
    session_id       text REFERENCES sessions,
    created_at       timestamptz NOT NULL
);
CREATE INDEX messages_by_conversation ON messages (conversation_id, message_id);

-- One row an answer: what it used, whose it was. Sums by user, day or session are queries, never counters.
CREATE TABLE usage (
    message_id         text PRIMARY KEY,
    user_id            text NOT NULL REFERENCES users,
    session_id         text NOT NULL REFERENCES sessions,
    prompt_tokens      bigint NOT NULL,
    completion_tokens  bigint NOT NULL,
    answered_at        timestamptz NOT NULL
);
CREATE INDEX usage_by_user ON usage (user_id, answered_at);
