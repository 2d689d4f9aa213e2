-- Search over what was said: words in Portuguese and English, accents and case forgiven.

-- In its canonical form an accent is a character of its own. Marks go before the case does: so a database of any locale
-- has the letters of these two languages in small.
CREATE FUNCTION folded(given text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
    SELECT lower(regexp_replace(normalize(given, NFD), '[\u0300-\u036f]+', '', 'g'))
$$;

-- Plurals that the Portuguese stemmer knows by their accents alone, which are gone here: acoes, paes, homens, animais.
CREATE FUNCTION singular(given text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
    SELECT regexp_replace(regexp_replace(regexp_replace(given, '(oes|aes)\M', 'ao', 'g'), 'ns\M', 'm', 'g'), '(\w\w)([aeou])is\M', '\1\2l', 'g')
$$;

-- The words of a text by their stems in either language. A text that has more of them than a tsvector holds (1 MB) is
-- found by those of its beginning.
CREATE FUNCTION search_words(given text) RETURNS tsvector LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = public, pg_temp AS $$
DECLARE
    shown text := folded(given);
BEGIN
    LOOP
        BEGIN
            RETURN strip(to_tsvector('pg_catalog.portuguese', singular(shown))) || strip(to_tsvector('pg_catalog.english', shown));
        EXCEPTION WHEN program_limit_exceeded THEN
            shown := left(shown, length(shown) / 2);
        END;
    END LOOP;
END
$$;

-- Every word that was typed, in either language, and the last one as the beginning of a word too: somebody may still be
-- typing. What says nothing in one of the languages (de, the) is left out where anything else was typed. Null: no words.
CREATE FUNCTION search_query(given text) RETURNS tsquery LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = public, pg_temp AS $$
DECLARE
    words text[] := regexp_split_to_array(btrim(folded(given)), '\s+');
    word text;
    portuguese tsquery;
    english tsquery;
    either tsquery;
    wanted tsquery;
    every tsquery;
BEGIN
    FOREACH word IN ARRAY words LOOP
        portuguese := plainto_tsquery('pg_catalog.portuguese', singular(word));
        english := plainto_tsquery('pg_catalog.english', word);
        either := portuguese || english;
        IF word = words[array_upper(words, 1)] AND word ~ '^\w{3,}$' THEN
            either := either || to_tsquery('pg_catalog.simple', word || ':*');
        END IF;
        IF numnode(either) > 0 THEN
            every := CASE WHEN every IS NULL THEN either ELSE every && either END;
        END IF;
        IF numnode(portuguese) > 0 AND numnode(english) > 0 THEN
            wanted := CASE WHEN wanted IS NULL THEN either ELSE wanted && either END;
        END IF;
    END LOOP;
    RETURN coalesce(wanted, every);
END
$$;

ALTER TABLE messages ADD COLUMN search tsvector GENERATED ALWAYS AS (search_words(content)) STORED;

CREATE INDEX messages_by_words ON messages USING gin (search) WITH (fastupdate = off);

-- A person's conversations in the order in which a search gives them out: for words that stand in most of them.
CREATE INDEX conversations_by_user ON conversations (user_id, conversation_id DESC);

-- One person's conversations that have all the words in one message, newest first, each with its newest such message,
-- and the stems that were looked for. As the tables' owner, and planned anew for each question: which index serves
-- depends on the words. Row-level security would look at each row of everybody before any word.
CREATE FUNCTION search_messages(person text, given text, before text, most bigint)
    RETURNS TABLE (conversation_id text, message_id text, stems text)
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp SET plan_cache_mode = force_custom_plan AS $$
#variable_conflict use_column
DECLARE
    wanted tsquery := search_query(given);
    looked_for text := array_to_string(tsvector_to_array(search_words(given)), ' ');
BEGIN
    RETURN QUERY
        SELECT DISTINCT ON (c.conversation_id) c.conversation_id, m.message_id, looked_for
        FROM conversations c JOIN messages m ON m.conversation_id = c.conversation_id
        WHERE c.user_id = person AND (before = '' OR c.conversation_id < before) AND m.search @@ wanted
        ORDER BY c.conversation_id DESC, m.created_at DESC, m.message_id DESC
        LIMIT most;
END
$$;

-- Who searches: no table is open to that role, nor anything but this question.
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'foreverus_searcher') THEN
        CREATE ROLE foreverus_searcher NOLOGIN;
    END IF;
END
$$;

REVOKE ALL ON FUNCTION search_messages(text, text, text, bigint) FROM PUBLIC;

GRANT EXECUTE ON FUNCTION search_messages(text, text, text, bigint) TO foreverus_searcher;
