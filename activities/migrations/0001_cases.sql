-- Cases and what is owed on them. These tables are a projection of the running cases, for lists and worklists:
-- each row is as the newest batch left it. The legal record is s47.entry.

COMMENT ON SCHEMA s47 IS 'The records of S47: child-protection cases. Instants are UTC; days are London days.';

CREATE TABLE s47.case (
    reference text NOT NULL,
    episode integer NOT NULL CHECK (episode > 0),
    procedure text NOT NULL,
    procedure_fingerprint text NOT NULL,
    person text,
    team text,
    allocated_to text,
    stage text NOT NULL,
    opened_at timestamptz,
    closed_at timestamptz,
    next_due timestamptz,
    overdue text[] NOT NULL,
    waiting_for text[] NOT NULL,
    entries integer NOT NULL DEFAULT 0,
    seal text NOT NULL DEFAULT '',
    batch integer NOT NULL,
    PRIMARY KEY (reference, episode)
);
COMMENT ON TABLE s47.case IS 'The front page of each case: one row per episode of a reference.';
COMMENT ON COLUMN s47.case.reference IS 'The authority''s reference of the case; holds no personal data.';
COMMENT ON COLUMN s47.case.episode IS 'Counts the times this child was referred and the case opened: 1, 2, …';
COMMENT ON COLUMN s47.case.procedure IS 'The key of the procedure the case is decided with.';
COMMENT ON COLUMN s47.case.procedure_fingerprint IS 'Names the exact text of that procedure.';
COMMENT ON COLUMN s47.case.person IS 'The child''s id in the authority''s system of record, never a name.';
COMMENT ON COLUMN s47.case.allocated_to IS 'An opaque id of the allocated worker.';
COMMENT ON COLUMN s47.case.next_due IS 'The soonest limit that is owed, missed or not.';
COMMENT ON COLUMN s47.case.overdue IS 'The timescales that are missed and still owed.';
COMMENT ON COLUMN s47.case.waiting_for IS 'The roles that must act next.';
COMMENT ON COLUMN s47.case.entries IS 'How many entries the chronology of this episode has: shows when the last ones are gone.';
COMMENT ON COLUMN s47.case.seal IS 'The seal of the last entry.';
COMMENT ON COLUMN s47.case.batch IS 'The batch that wrote this row last; an older one changes nothing.';

CREATE INDEX case_open ON s47.case (next_due) WHERE closed_at IS NULL;

CREATE TABLE s47.deadline (
    reference text NOT NULL,
    episode integer NOT NULL,
    id text NOT NULL,
    timescale text NOT NULL,
    duty text NOT NULL,
    owner text NOT NULL,
    state text NOT NULL,
    running boolean NOT NULL,
    due timestamptz,
    due_on date,
    opened_at timestamptz NOT NULL,
    met_at timestamptz,
    breached_at timestamptz,
    closed_at timestamptz,
    cites text[] NOT NULL,
    body jsonb NOT NULL,
    batch integer NOT NULL,
    PRIMARY KEY (reference, episode, id),
    FOREIGN KEY (reference, episode) REFERENCES s47.case
);
COMMENT ON TABLE s47.deadline IS 'Every deadline of every case, closed ones too.';
COMMENT ON COLUMN s47.deadline.timescale IS 'The rule of the procedure behind it.';
COMMENT ON COLUMN s47.deadline.owner IS 'The role that owes it.';
COMMENT ON COLUMN s47.deadline.state IS 'open, overdue, withheld, met, met late or cancelled.';
COMMENT ON COLUMN s47.deadline.running IS 'Still owed: neither closed nor withheld.';
COMMENT ON COLUMN s47.deadline.due IS 'The instant the limit expires; none where the procedure gives no amount.';
COMMENT ON COLUMN s47.deadline.due_on IS 'The day the limit falls on; none where it is counted in hours.';
COMMENT ON COLUMN s47.deadline.breached_at IS 'When the limit was missed, even if it was met later or was moved.';
COMMENT ON COLUMN s47.deadline.cites IS 'The rows of the requirements catalogue the rule answers.';
COMMENT ON COLUMN s47.deadline.body IS 'The deadline whole.';
COMMENT ON COLUMN s47.deadline.batch IS 'The batch that wrote this row last; an older one changes nothing.';

CREATE INDEX deadline_running ON s47.deadline (owner, due) WHERE running;

CREATE TABLE s47.request (
    reference text NOT NULL,
    episode integer NOT NULL,
    id text NOT NULL,
    subject text NOT NULL,
    title text NOT NULL,
    roles text[] NOT NULL,
    assigned_to text,
    asked_by text NOT NULL,
    asked_by_role text NOT NULL,
    asked_at timestamptz NOT NULL,
    state text NOT NULL,
    waiting boolean NOT NULL,
    decided_by text,
    decided_at timestamptz,
    reason text,
    cites text[] NOT NULL,
    body jsonb NOT NULL,
    batch integer NOT NULL,
    PRIMARY KEY (reference, episode, id),
    FOREIGN KEY (reference, episode) REFERENCES s47.case
);
COMMENT ON TABLE s47.request IS 'What a role was asked to authorise or to complete, decided ones too.';
COMMENT ON COLUMN s47.request.roles IS 'The roles of which one decides.';
COMMENT ON COLUMN s47.request.assigned_to IS 'The person it was given to; none: anybody in those roles.';
COMMENT ON COLUMN s47.request.state IS 'open, authorised, finished, returned or withdrawn.';
COMMENT ON COLUMN s47.request.waiting IS 'Somebody has still to act on it.';
COMMENT ON COLUMN s47.request.body IS 'The request whole, with the message whose effect waits for it.';
COMMENT ON COLUMN s47.request.batch IS 'The batch that wrote this row last; an older one changes nothing.';

CREATE INDEX request_waiting ON s47.request USING gin (roles) WHERE waiting;
