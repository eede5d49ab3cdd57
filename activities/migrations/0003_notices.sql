-- The ledger of notices: who was told what, and what became of it. A notice is in its role's tray from when its
-- row is written; the other channels come on top.

CREATE TABLE s47.notice (
    id text PRIMARY KEY,
    reference text NOT NULL,
    episode integer NOT NULL,
    ordinal bigint GENERATED ALWAYS AS IDENTITY,
    kind text NOT NULL,
    role text NOT NULL,
    person text,
    text text NOT NULL,
    at timestamptz NOT NULL,
    deadline text,
    request text,
    state text NOT NULL CHECK (state IN ('queued', 'accepted', 'delivered', 'failed', 'acknowledged')),
    channel text NOT NULL,
    attempts integer NOT NULL DEFAULT 0,
    tried_at timestamptz,
    last_error text,
    acknowledged_by text,
    acknowledged_at timestamptz,
    FOREIGN KEY (reference, episode) REFERENCES s47.case,
    CHECK ((state = 'acknowledged') = (acknowledged_at IS NOT NULL)),
    CHECK ((acknowledged_by IS NULL) = (acknowledged_at IS NULL))
);
COMMENT ON TABLE s47.notice IS 'The delivery ledger of all notices. A notice never has the child''s name or the concern.';
COMMENT ON COLUMN s47.notice.ordinal IS 'The order in which they were written down.';
COMMENT ON COLUMN s47.notice.kind IS 'Why the role is told: request, reminder, overdue, escalation, …';
COMMENT ON COLUMN s47.notice.role IS 'The role that is told.';
COMMENT ON COLUMN s47.notice.person IS 'An opaque id of the person, where it is one person''s.';
COMMENT ON COLUMN s47.notice.at IS 'When the case decided to tell it.';
COMMENT ON COLUMN s47.notice.state IS
    'queued: in the tray, to be sent by the channel too; accepted: in the tray, no other channel reaches the role; '
    'delivered: the channel took it; failed: the channel did not take it; acknowledged: somebody has seen it.';
COMMENT ON COLUMN s47.notice.channel IS 'tray or smtp.';
COMMENT ON COLUMN s47.notice.attempts IS 'How often the channel was tried.';
COMMENT ON COLUMN s47.notice.last_error IS 'What the channel said when it did not take it; without the address.';

CREATE INDEX notice_unseen ON s47.notice (role) WHERE state <> 'acknowledged';
CREATE INDEX notice_of_case ON s47.notice (reference, episode);

DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 's47_worker') THEN
        GRANT SELECT, INSERT, UPDATE ON s47.notice TO s47_worker;
    END IF;
END
$$;
