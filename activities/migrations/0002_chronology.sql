-- The chronology: the legal record. It is only ever added to, and each line seals the one before it.

CREATE TABLE s47.entry (
    reference text NOT NULL,
    episode integer NOT NULL,
    number integer NOT NULL CHECK (number > 0),
    recorded_at timestamptz NOT NULL,
    occurred_at timestamptz NOT NULL,
    by text NOT NULL,
    what text NOT NULL,
    text text NOT NULL,
    note text,
    cites text[] NOT NULL,
    message_id text,
    said text NOT NULL,
    seal text NOT NULL,
    PRIMARY KEY (reference, episode, number),
    FOREIGN KEY (reference, episode) REFERENCES s47.case
);
COMMENT ON TABLE s47.entry IS 'The chronology, append-only. Personal data: the notes.';
COMMENT ON COLUMN s47.entry.number IS 'Counts the lines of an episode from 1, without a gap.';
COMMENT ON COLUMN s47.entry.recorded_at IS 'When the case heard of it.';
COMMENT ON COLUMN s47.entry.occurred_at IS 'When it happened.';
COMMENT ON COLUMN s47.entry.by IS 'The role and the opaque id of the person who said so, or S47.';
COMMENT ON COLUMN s47.entry.what IS 'The message that said so, or that time passed.';
COMMENT ON COLUMN s47.entry.note IS 'The practitioner''s own words. They stand nowhere else.';
COMMENT ON COLUMN s47.entry.said IS 'The line exactly as it was sealed, as JSON; the columns beside it are read from it.';
COMMENT ON COLUMN s47.entry.seal IS
    'The SHA-256, in hexadecimal, of the seal before it (empty for the first), a line feed, and what was said.';

CREATE FUNCTION s47.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'The chronology is append-only: % is refused.', TG_OP
        USING ERRCODE = 'S4703', HINT = 'What was wrong is put right by a further entry.';
END
$$;
COMMENT ON FUNCTION s47.refuse_change() IS 'Keeps the chronology append-only.';

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON s47.entry
    FOR EACH STATEMENT EXECUTE FUNCTION s47.refuse_change();
ALTER TABLE s47.entry ENABLE ALWAYS TRIGGER append_only;

CREATE FUNCTION s47.check_seal() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    before text := '';
BEGIN
    IF NEW.number > 1 THEN
        SELECT seal INTO before FROM s47.entry
            WHERE reference = NEW.reference AND episode = NEW.episode AND number = NEW.number - 1;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'Entry % comes before entry % is there.', NEW.number, NEW.number - 1
                USING ERRCODE = 'S4702';
        END IF;
    END IF;
    IF NEW.seal <> encode(sha256(convert_to(before || E'\n' || NEW.said, 'UTF8')), 'hex') THEN
        RAISE EXCEPTION 'Entry % does not seal the one before it.', NEW.number
            USING ERRCODE = 'S4701';
    END IF;
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION s47.check_seal() IS 'Takes only an entry that follows the one before it and seals it.';

CREATE TRIGGER sealed BEFORE INSERT ON s47.entry FOR EACH ROW EXECUTE FUNCTION s47.check_seal();
ALTER TABLE s47.entry ENABLE ALWAYS TRIGGER sealed;
