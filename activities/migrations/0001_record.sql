-- The record: every message whole as it was sent, and the chronology that people read. It is only ever added to.
-- Each row is sealed by the database itself as it is inserted, and each seal seals the one before it.
--
-- Roles, where the user who migrates may make them, or somebody made them before:
--   s47_keeper  owns the seals and what writes them; nobody logs in as it
--   s47_worker  the group of those who run workers: may add to the record and read it

COMMENT ON SCHEMA s47 IS 'The records of S47: child-protection cases. Instants are UTC; days are London days.';

DO $$
DECLARE
    wanted text;
BEGIN
    FOREACH wanted IN ARRAY ARRAY['s47_keeper', 's47_worker'] LOOP
        CONTINUE WHEN EXISTS (SELECT FROM pg_roles WHERE rolname = wanted);
        BEGIN
            EXECUTE format('CREATE ROLE %I NOLOGIN', wanted);
        EXCEPTION
            WHEN duplicate_object OR unique_violation THEN
                NULL;  -- made for another database of this server at the same moment
            WHEN insufficient_privilege THEN
                RAISE NOTICE 'The role % is not there, and this user may not make it.', wanted;
        END;
    END LOOP;
END
$$;

CREATE TABLE s47.fact (
    reference text NOT NULL,
    episode integer NOT NULL CHECK (episode > 0),
    number integer NOT NULL CHECK (number > 0),
    fact integer,
    refused text,
    recorded_at timestamptz NOT NULL,
    occurred_at timestamptz,
    name text NOT NULL,
    message_id text,
    person text,
    role text,
    body jsonb NOT NULL,
    state json,
    PRIMARY KEY (reference, episode, number),
    UNIQUE (reference, episode, fact)
);
COMMENT ON TABLE s47.fact IS
    'The legal record: every message whole as it was sent, accepted or refused. Append-only. Personal data: the bodies.';
COMMENT ON COLUMN s47.fact.reference IS 'The authority''s reference of the case; holds no personal data.';
COMMENT ON COLUMN s47.fact.episode IS 'Counts the times this child was referred and the case opened: 1, 2, …';
COMMENT ON COLUMN s47.fact.number IS 'Counts the messages of an episode from 1, without a gap.';
COMMENT ON COLUMN s47.fact.fact IS 'The number of the fact that the message became; none where it was refused.';
COMMENT ON COLUMN s47.fact.refused IS 'Why it was refused.';
COMMENT ON COLUMN s47.fact.recorded_at IS 'When the case heard of it.';
COMMENT ON COLUMN s47.fact.occurred_at IS 'When it happened; none where a refused message did not say.';
COMMENT ON COLUMN s47.fact.name IS 'Which message it is.';
COMMENT ON COLUMN s47.fact.message_id IS 'The message''s own id, as its sender gave it.';
COMMENT ON COLUMN s47.fact.person IS 'An opaque id of the person who sent it.';
COMMENT ON COLUMN s47.fact.role IS 'The role they acted in.';
COMMENT ON COLUMN s47.fact.body IS
    'The message whole, the sender''s own words included. One that is no JSON is kept as a JSON string.';
COMMENT ON COLUMN s47.fact.state IS 'The fact as the state of the case keeps it, without narrative: what it is rebuilt from.';

CREATE TABLE s47.entry (
    reference text NOT NULL,
    episode integer NOT NULL CHECK (episode > 0),
    number integer NOT NULL CHECK (number > 0),
    fact integer,
    recorded_at timestamptz NOT NULL,
    occurred_at timestamptz NOT NULL,
    by text NOT NULL,
    what text NOT NULL,
    text text NOT NULL,
    cites text[] NOT NULL,
    PRIMARY KEY (reference, episode, number)
);
COMMENT ON TABLE s47.entry IS 'The chronology for people, a line each. Append-only.';
COMMENT ON COLUMN s47.entry.number IS 'Counts the lines of an episode from 1, without a gap.';
COMMENT ON COLUMN s47.entry.fact IS 'The fact it comes from (s47.fact.fact); none where time passed.';
COMMENT ON COLUMN s47.entry.recorded_at IS 'When the case heard of it.';
COMMENT ON COLUMN s47.entry.occurred_at IS 'When it happened.';
COMMENT ON COLUMN s47.entry.by IS 'The role and the opaque id of the person who said so, or S47.';
COMMENT ON COLUMN s47.entry.what IS 'The message that said so, or that time passed.';
COMMENT ON COLUMN s47.entry.text IS 'The line. The sender''s own words are not in it, but in the fact.';
COMMENT ON COLUMN s47.entry.cites IS 'The rows of the requirements catalogue behind it.';

CREATE TABLE s47.seal (
    reference text NOT NULL,
    episode integer NOT NULL,
    chain text NOT NULL CHECK (chain IN ('fact', 'entry')),
    number integer NOT NULL,
    line text NOT NULL,
    seal text NOT NULL,
    PRIMARY KEY (reference, episode, chain, number)
);
COMMENT ON TABLE s47.seal IS 'The seals of the record: a chain for the facts and one for the entries of each episode.';
COMMENT ON COLUMN s47.seal.chain IS 'The table of the row: fact or entry.';
COMMENT ON COLUMN s47.seal.number IS 'The row''s number.';
COMMENT ON COLUMN s47.seal.line IS
    'The row as it was sealed: its columns as JSON, instants in UTC. A column that is added later is not in it.';
COMMENT ON COLUMN s47.seal.seal IS
    'The SHA-256, in hexadecimal, of the seal before it (empty for the first), a line feed, and the line.';

CREATE FUNCTION s47.seal_row() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET timezone = 'UTC'  -- an instant as JSON has the session's offset otherwise
AS $$
DECLARE
    line CONSTANT text := to_jsonb(NEW)::text;
    last s47.seal;
BEGIN
    SELECT * INTO last FROM s47.seal
        WHERE (reference, episode, chain) = (NEW.reference, NEW.episode, TG_TABLE_NAME)
        ORDER BY number DESC LIMIT 1;
    IF NEW.number <> coalesce(last.number, 0) + 1 THEN
        RAISE EXCEPTION 'Row % of s47.% does not follow the last one of its case, which is %.',
            NEW.number, TG_TABLE_NAME, coalesce(last.number, 0) USING ERRCODE = 'S4701';
    END IF;
    INSERT INTO s47.seal (reference, episode, chain, number, line, seal)
        VALUES (NEW.reference, NEW.episode, TG_TABLE_NAME, NEW.number, line,
            encode(sha256(convert_to(coalesce(last.seal, '') || E'\n' || line, 'UTF8')), 'hex'));
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION s47.seal_row() IS 'Seals a row as it is inserted. Takes only one that follows the last of its chain.';

CREATE FUNCTION s47.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'The record is append-only: % of s47.% is refused.', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'S4702', HINT = 'What was wrong is put right by a further message.';
END
$$;
COMMENT ON FUNCTION s47.refuse_change() IS 'Keeps the record append-only.';

-- After the insert: only then is the row as it will stand, and a row that was there already is not sealed again.
CREATE TRIGGER sealed AFTER INSERT ON s47.fact FOR EACH ROW EXECUTE FUNCTION s47.seal_row();
CREATE TRIGGER sealed AFTER INSERT ON s47.entry FOR EACH ROW EXECUTE FUNCTION s47.seal_row();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON s47.fact
    FOR EACH STATEMENT EXECUTE FUNCTION s47.refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON s47.entry
    FOR EACH STATEMENT EXECUTE FUNCTION s47.refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON s47.seal
    FOR EACH STATEMENT EXECUTE FUNCTION s47.refuse_change();
ALTER TABLE s47.fact ENABLE ALWAYS TRIGGER sealed, ENABLE ALWAYS TRIGGER append_only;
ALTER TABLE s47.entry ENABLE ALWAYS TRIGGER sealed, ENABLE ALWAYS TRIGGER append_only;
ALTER TABLE s47.seal ENABLE ALWAYS TRIGGER append_only;

-- Whoever may run it could have it seal the rows of a table of their own. The triggers above need no such right.
REVOKE ALL ON FUNCTION s47.seal_row() FROM PUBLIC;

DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 's47_worker') THEN
        GRANT USAGE ON SCHEMA s47 TO s47_worker;
        GRANT SELECT ON s47.migration, s47.seal TO s47_worker;
        GRANT SELECT, INSERT ON s47.fact, s47.entry TO s47_worker;
    END IF;
END
$$;

DO $$
DECLARE
    me CONSTANT text := current_user;
    borrowed boolean;
BEGIN
    borrowed := NOT pg_has_role(me, 's47_keeper', 'SET');
    IF borrowed THEN
        EXECUTE format('GRANT s47_keeper TO %I WITH INHERIT FALSE, SET TRUE', me);
    END IF;
    GRANT USAGE, CREATE ON SCHEMA s47 TO s47_keeper;
    ALTER TABLE s47.seal OWNER TO s47_keeper;
    ALTER FUNCTION s47.seal_row() OWNER TO s47_keeper;
    REVOKE CREATE ON SCHEMA s47 FROM s47_keeper;
    SET LOCAL ROLE s47_keeper;
    EXECUTE format('GRANT SELECT ON s47.seal TO %I', me);
    EXECUTE format('SET LOCAL ROLE %I', me);
    IF borrowed THEN
        EXECUTE format('REVOKE s47_keeper FROM %I', me);
    END IF;
EXCEPTION
    WHEN insufficient_privilege OR undefined_object THEN
        RAISE NOTICE 'The seals of the record belong to %, who can change them: there is no role s47_keeper, '
            'or this user may not give them to it.', me;
END
$$;
