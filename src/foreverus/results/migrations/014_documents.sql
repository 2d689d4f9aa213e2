-- Chunks of people's documents: found by what they mean and by their words, each person's own.

-- pgvector. On Aurora whoever has rds_superuser may create it.
CREATE EXTENSION IF NOT EXISTS vector;

CREATE TABLE document_chunks (
    user_id text NOT NULL,
    document_id text NOT NULL,
    number integer NOT NULL,
    content text NOT NULL,
    page integer NOT NULL,
    heading text NOT NULL,
    start_at integer NOT NULL,
    end_at integer NOT NULL,
    embedding vector(512) NOT NULL,
    search tsvector GENERATED ALWAYS AS (search_words(heading || ' ' || content)) STORED,
    PRIMARY KEY (user_id, document_id, number)
);

-- A vector is read with each question of its person: in the row, and not in a table beside it.
ALTER TABLE document_chunks ALTER COLUMN embedding SET STORAGE PLAIN;

-- No index of vectors: a question looks at one person's chunks alone, all of them, and so exactly. An index over
-- everybody's would be asked for the nearest of everybody's, of which row-level security then takes the person's own.

ALTER TABLE document_chunks ENABLE ROW LEVEL SECURITY;

CREATE POLICY own_rows ON document_chunks USING (user_id = current_setting('foreverus.user_id', true));

-- The words of a question, each alone enough. What says nothing in one of the languages (de, the) is left out where
-- anything else was asked.
CREATE FUNCTION any_words(given text) RETURNS tsquery LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = public, pg_temp AS $$
DECLARE
    word text;
    portuguese tsquery;
    english tsquery;
    wanted tsquery;
BEGIN
    FOREACH word IN ARRAY regexp_split_to_array(btrim(folded(given)), '[^[:alnum:]]+') LOOP
        portuguese := plainto_tsquery('pg_catalog.portuguese', singular(word));
        english := plainto_tsquery('pg_catalog.english', word);
        IF numnode(portuguese) > 0 AND numnode(english) > 0 THEN
            wanted := CASE WHEN wanted IS NULL THEN portuguese || english ELSE wanted || portuguese || english END;
        END IF;
    END LOOP;
    RETURN wanted;
END
$$;

-- One person's chunks for a question, best first: reciprocal rank fusion of those that mean the nearest and of those
-- that have its words (Cormack, Clarke, Buettcher: Reciprocal Rank Fusion outperforms Condorcet and individual Rank
-- Learning Methods, SIGIR 2009, whose k is 60). It sets whose question it is for its transaction, and asks as whoever
-- calls it: row-level security shows that person's chunks and no others. What means too little and has no word is not
-- found. `similarity`: the cosine.
CREATE FUNCTION find_passages(person text, given text, meaning text, enough double precision, most bigint)
    RETURNS TABLE (document_id text, number integer, content text, page integer, heading text, start_at integer, end_at integer,
                   similarity double precision, by_words boolean)
    LANGUAGE plpgsql VOLATILE SET search_path = public, pg_temp AS $$
#variable_conflict use_column
DECLARE
    wanted tsquery := any_words(given);
    direction vector(512) := meaning::vector(512);
BEGIN
    PERFORM set_config('foreverus.user_id', person, true);
    RETURN QUERY
        WITH mine AS MATERIALIZED (
            SELECT c.document_id, c.number, c.embedding <=> direction AS distance,
                   CASE WHEN c.search @@ wanted THEN ts_rank(c.search, wanted) END AS words
            FROM document_chunks c WHERE c.user_id = person
        ), near AS (
            SELECT n.*, row_number() OVER (ORDER BY n.distance, n.document_id, n.number) AS place
            FROM (SELECT m.* FROM mine m ORDER BY m.distance, m.document_id, m.number LIMIT 50) n
        ), worded AS (
            SELECT n.*, row_number() OVER (ORDER BY n.words DESC, n.distance, n.document_id, n.number) AS place
            FROM (SELECT m.* FROM mine m WHERE m.words IS NOT NULL
                  ORDER BY m.words DESC, m.distance, m.document_id, m.number LIMIT 50) n
        ), best AS (
            SELECT document_id, number, 1 - coalesce(near.distance, worded.distance) AS similarity, worded.place IS NOT NULL AS by_words,
                   coalesce(1.0 / (60 + near.place), 0) + coalesce(1.0 / (60 + worded.place), 0) AS score
            FROM near FULL JOIN worded USING (document_id, number)
            WHERE worded.place IS NOT NULL OR 1 - near.distance >= enough
            ORDER BY score DESC, similarity DESC, document_id, number
            LIMIT most
        )
        SELECT b.document_id, b.number, c.content, c.page, c.heading, c.start_at, c.end_at, b.similarity, b.by_words
        FROM best b JOIN document_chunks c ON c.user_id = person AND c.document_id = b.document_id AND c.number = b.number
        ORDER BY b.score DESC, b.similarity DESC, b.document_id, b.number;
END
$$;

-- Who keeps chunks and finds them, of the person whom the transaction names. It owns nothing and changes nothing: what
-- is written anew is deleted first.
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'foreverus_documents') THEN
        CREATE ROLE foreverus_documents NOLOGIN;
    END IF;
END
$$;

GRANT SELECT, INSERT, DELETE ON document_chunks TO foreverus_documents;

REVOKE ALL ON FUNCTION find_passages(text, text, text, double precision, bigint) FROM PUBLIC;

GRANT EXECUTE ON FUNCTION find_passages(text, text, text, double precision, bigint) TO foreverus_documents;

-- What was deleted, and whoever has left, goes with what is owed.
GRANT SELECT, DELETE ON document_chunks TO foreverus_results, foreverus_eraser;
