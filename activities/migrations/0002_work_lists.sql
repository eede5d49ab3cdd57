-- Cases and what is owed on them: work lists that can be rebuilt, each row as the newest batch left it. And what
-- cases are decided with: procedures, calendars, proclaimed bank holidays. The legal record is s47.fact.

CREATE TABLE s47.case (
    reference text NOT NULL,
    episode integer NOT NULL CHECK (episode > 0),
    procedure text NOT NULL,
    procedure_fingerprint text NOT NULL,
    opened_with text NOT NULL,
    calendar text NOT NULL,
    person text,
    team text,
    allocated_to text,
    allocated_role text,
    stage text NOT NULL,
    opened_at timestamptz,
    closed_at timestamptz,
    next_due timestamptz,
    overdue text[] NOT NULL,
    waiting_for text[] NOT NULL,
    announced json NOT NULL,
    batch integer NOT NULL,
    batch_at timestamptz NOT NULL,
    written_at timestamptz NOT NULL,
    confirmed integer NOT NULL DEFAULT 0,
    PRIMARY KEY (reference, episode)
);
COMMENT ON TABLE s47.case IS 'The front page of each case: one row per episode of a reference.';
COMMENT ON COLUMN s47.case.reference IS 'The authority''s reference of the case; holds no personal data.';
COMMENT ON COLUMN s47.case.episode IS 'Counts the times this child was referred and the case opened: 1, 2, …';
COMMENT ON COLUMN s47.case.procedure IS 'The key of the procedure the case is decided with.';
COMMENT ON COLUMN s47.case.procedure_fingerprint IS 'Names the exact text of that procedure.';
COMMENT ON COLUMN s47.case.opened_with IS 'The fingerprint of the procedure the case opened with: s47.procedure has it.';
COMMENT ON COLUMN s47.case.calendar IS 'The version of the bank holidays the case counts with.';
COMMENT ON COLUMN s47.case.person IS 'The child''s id in the authority''s system of record, never a name.';
COMMENT ON COLUMN s47.case.allocated_to IS 'An opaque id of the allocated worker.';
COMMENT ON COLUMN s47.case.allocated_role IS 'The role that the allocation is about: only its deadlines are theirs.';
COMMENT ON COLUMN s47.case.next_due IS 'The soonest limit that is owed, missed or not.';
COMMENT ON COLUMN s47.case.overdue IS 'The timescales that are missed and still owed.';
COMMENT ON COLUMN s47.case.waiting_for IS 'The roles that must act next.';
COMMENT ON COLUMN s47.case.announced IS
    'What the case has said so far: which limit, reminder, request, to whom. Not jsonb, so that its order is kept.';
COMMENT ON COLUMN s47.case.batch IS 'The batch that wrote this row last; an older one changes nothing.';
COMMENT ON COLUMN s47.case.written_at IS 'When that batch was written.';
COMMENT ON COLUMN s47.case.confirmed IS 'The last batch of which the running case is known to know.';
COMMENT ON COLUMN s47.case.batch_at IS 'When the case made that batch: tells it from another of the same number.';

CREATE INDEX case_open ON s47.case (next_due) WHERE closed_at IS NULL;
CREATE INDEX case_unconfirmed ON s47.case (written_at) WHERE confirmed < batch;

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
COMMENT ON COLUMN s47.deadline.state IS 'open, overdue, withheld, met, met late or ended.';
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
    because text,
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

CREATE TABLE s47.procedure (
    fingerprint text PRIMARY KEY,
    body json NOT NULL
);
COMMENT ON TABLE s47.procedure IS 'The procedures that cases opened with, whole.';
COMMENT ON COLUMN s47.procedure.fingerprint IS 'Names the exact text.';
COMMENT ON COLUMN s47.procedure.body IS 'Not jsonb: the order of the rules counts, and the fingerprint is of this text.';

CREATE TABLE s47.calendar (
    version text PRIMARY KEY,
    dates date[] NOT NULL
);
COMMENT ON TABLE s47.calendar IS 'The bank holidays that cases opened with.';
COMMENT ON COLUMN s47.calendar.version IS 'Names them, the days that were proclaimed included.';

CREATE TABLE s47.holiday (
    day date PRIMARY KEY,
    since timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE s47.holiday IS 'The bank holidays proclaimed for this authority beside the usual ones.';
COMMENT ON COLUMN s47.holiday.since IS 'When a case first wrote it down. Cases opened from then on count with it.';

DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 's47_worker') THEN
        GRANT SELECT, INSERT, UPDATE ON s47.case, s47.deadline, s47.request TO s47_worker;
        GRANT SELECT, INSERT ON s47.procedure, s47.calendar TO s47_worker;
        GRANT SELECT, INSERT, DELETE ON s47.holiday TO s47_worker;
    END IF;
END
$$;
