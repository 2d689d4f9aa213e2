-- One row a batch that is over: whose it was, how it ended, what it answered and what it cost. Never its lines.

CREATE TABLE batches (
    batch_id           text PRIMARY KEY,
    user_id            text NOT NULL REFERENCES users,
    trigger            text NOT NULL,
    status             text NOT NULL,
    error              text,
    endpoint           text NOT NULL,
    model              text,
    backend            text,
    choice             text,
    rounds             integer NOT NULL,
    sessions           integer NOT NULL,
    lines              integer NOT NULL,
    completed          integer NOT NULL,
    failed             integer NOT NULL,
    prompt_tokens      bigint NOT NULL,
    completion_tokens  bigint NOT NULL,
    cost_usd           numeric,
    created_at         timestamptz NOT NULL,
    in_progress_at     timestamptz,
    ended_at           timestamptz NOT NULL
);
CREATE INDEX batches_by_user ON batches (user_id, created_at);
