"""Every row of the catalogue, held against the running core: what must be seen is written in `rows/*.toml`.

A file holds the rows of one procedure (`common.toml` those about several): a table for a row, or an array of tables
where a row has several sides. The tables were written from the catalogue, not from the procedure files. Each begins
with `after`, what led there: a situation by its name in `[situations]`, then steps of `[when, who, message, {fields}]`.
Times are London's; "" is the same time as before, and as a field's value "not given".

One key says what is checked: it is named in `CHECKS`, and the docstring of its function has the keys that go with it.
A table with `same_as` says what the row named there says, but for the checks in `except`. Besides, anywhere:

    procedure   the procedure under which it is checked, where the file does not say it
    cited_as    the rows that the rules cite for this one, where they do not cite it itself
    code        the function of the core that carries the row, where no rule of the procedure does

`[defaults]` has what a message says unless a step says otherwise, `[form_contents]` what a completed form contains,
`must_be_done` what the document says must be done and not only should, `[withheld_on]` on which grounds the family is
not told what, `[also_closed_by]` which messages meet or end a deadline besides those in its own tables. A second test
takes away what carries a row, rule or function, and wants its check to fail.
"""

import sys
import tomllib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from copy import copy
from datetime import timedelta
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import pytest

from casework import conditions, requests, view
from casework.amounts import Amount
from casework.effects import Entry, Notice, NoticeKind
from casework.messages import MEANINGS
from casework.procedure import Procedure, Timescale
from casework.procedure_files import load
from casework.stages import MESSAGES
from casework.vocabulary import Kind, Stage
from tests.lives import Life, changed

FILES = {
    path.stem: tomllib.loads(path.read_text("utf-8")) for path in sorted(Path(__file__).parent.glob("rows/*.toml"))
}
CATALOGUE = tomllib.loads((Path(__file__).parents[1] / "docs" / "catalogue.toml").read_text("utf-8"))
NOT_ROWS = ("procedure", "must_be_done", "withheld_on", "situations", "defaults", "form_contents", "also_closed_by")
CONTEXT_ONLY = {"Q-26"}
"""The line was garbled before the document reached us, and says nothing that can be carried out."""
ONE_SECOND = timedelta(seconds=1)
GROUNDS = ("police investigation", "risk of harm", "safety and welfare of the child")

Table = Mapping[str, Any]
Steps = Sequence[Any]
Check = Callable[["Office", str, Table], None]


def tables_by_row() -> dict[str, list[Table]]:
    """The tables of each row, each with the procedure it is about."""
    tables: dict[str, list[Table]] = {}
    for file in FILES.values():
        for row, content in file.items():
            if row not in NOT_ROWS:
                sides = content if isinstance(content, list) else [content]
                tables.setdefault(row, []).extend({"procedure": file.get("procedure"), **table} for table in sides)
    return tables


TABLES = tables_by_row()


loaded = cache(load)


class Office:
    """Where cases are lived under one procedure: each situation is lived once and carried on from.

    `thorough`: it is looked at too what meets no deadline and what is not withheld, once for each table.
    """

    def __init__(self, procedure: Procedure, thorough: bool = True) -> None:
        file = FILES.get(procedure.about.letter.lower(), {})
        self.procedure = procedure
        self.situations: dict[str, Steps] = file.get("situations", {})
        self.defaults: dict[str, Table] = file.get("defaults", {})
        self.form_contents: dict[str, Sequence[str]] = file.get("form_contents", {})
        self.must_be_done: Sequence[str] = file.get("must_be_done", ())
        self.withheld_on: dict[str, Sequence[str]] = file.get("withheld_on", {})
        self.also_closed_by: dict[str, Sequence[str]] = file.get("also_closed_by", {})
        self.thorough = thorough
        self.looked_at: set[int] = set()
        self._lived: dict[str, Life] = {}

    def live(self, steps: Steps) -> Life:
        """A life of its own through these steps; each has to be accepted."""
        life: Life | None = None
        for step in steps:
            if isinstance(step, str):
                assert life is None, f"{step} is a situation, and comes first"
                if step not in self._lived:
                    self._lived[step] = self.live(self.situations[step])
                life = another(self._lived[step])
            else:
                life = life or self.begun(step[0])
                self.record(life, step)
        assert life is not None
        return life

    def may(self, role: str, message: str) -> bool:
        """Whether a role may record a message."""
        return self.procedure.may_record(role, message, MESSAGES[message].sent_by)

    def begun(self, at: str) -> Life:
        """A case that waits for its referral. It gets its procedure unchecked, for it may be one with rules missing."""
        life = Life(loaded(self.procedure.about.key), at)
        life.procedure = self.procedure
        life.whole = life.whole.model_copy(update={"procedure": self.procedure})
        return life

    def record(self, life: Life, step: Steps) -> Life:
        at, by, message, fields = self._read(life, step)
        return life.say(message, by, at, **fields)

    def refused(self, life: Life, step: Steps) -> str:
        """Why the step is refused; the life that is given stays as it is."""
        at, by, message, fields = self._read(life, step)
        return another(life).refused(message, by, at, **fields)

    def tried(self, life: Life, step: Steps) -> Life | None:
        """Another life that goes on from this one with a step; None where that is refused."""
        try:
            return self.after(life, [step])
        except AssertionError:
            return None

    def after(self, life: Life, steps: Steps) -> Life:
        """Another life that goes on from this one."""
        life = another(life)
        for step in steps:
            self.record(life, step)
        return life

    def _read(self, life: Life, step: Steps) -> tuple[str | None, str, str, dict[str, Any]]:
        at, by, message, *given = step
        role, _, person = by.partition("/")
        fields = {**self.defaults.get(message, {}), **(given[0] if given else {})}
        fields = {field: value for field, value in fields.items() if value != ""}
        if message in ("authorisation", "request_finished", "request_reassigned"):
            waiting = life.case.waiting_requests
            fields.setdefault("request", waiting[-1].id if waiting else "request-0")
        if message == "authorisation":
            fields.setdefault("decision", "authorise")
        if message == "form_completed":
            fields.setdefault("contents", self.form_contents.get(fields["form"], []))
        return at or None, f"{role}/{person or slug(role)}", message, fields


def slug(role: str) -> str:
    """An id for the one person of a role: different roles are different people."""
    return "".join(letter if letter.isalnum() else "-" for letter in role).strip("-")


def another(life: Life) -> Life:
    """The same life up to now, which may go on otherwise."""
    other = copy(life)
    other.effects = list(life.effects)
    return other


def citations(row: str, table: Table) -> set[str]:
    """The rows that the rules behind this table cite."""
    return set(table.get("cited_as", ())) or {row}


# --- What may be expected of a case -------------------------------------------------------------------------------


def expect(life: Life, then: Table, since: int = 0) -> None:
    """What a `then` table says of a case; what it says was sent or written is looked for from effect `since` on."""
    notices = [effect for effect in life.effects[since:] if isinstance(effect, Notice)]
    entries = [effect for effect in life.effects[since:] if isinstance(effect, Entry)]

    to_persons = [[notice.to, notice.person] for notice in notices]

    def sent_once(to: str, words: str) -> bool:
        return [notice.to for notice in notices if words in notice.text].count(to) == 1

    holds: dict[str, Callable[[Any], bool]] = {
        "stage": lambda stage: life.case.stage == stage,
        "open_strands": lambda strands: sorted(life.case.open_strands) == sorted(strands),
        "open_requests": lambda subjects: (
            sorted(request.subject for request in life.case.waiting_requests) == sorted(subjects)
        ),
        "owed": lambda keys: set(keys) <= set(life.running),
        "not_owed": lambda keys: not set(keys) & set(life.running),
        "never_owed": lambda keys: not any(life.all_of(key) for key in keys),
        "number_owed": lambda numbers: all(life.running.count(key) == number for key, number in numbers.items()),
        "due": lambda dates: all(life.due(key) == due for key, due in dates.items()),
        "owner": lambda owners: all(life.the(key).owner == owner for key, owner in owners.items()),
        "state": lambda states: all(life.state(key) == state for key, state in states.items()),
        "waits_for": lambda roles: set(roles) <= set(life.case.waiting_for),
        "notices": lambda wanted: all(sent_once(to, words) for to, words in wanted),
        "notices_to_person": lambda wanted: all([to, person] in to_persons for to, person in wanted),
        "no_notice_to": lambda roles: not any(notice.to in roles for notice in notices),
        "chronology": lambda words: any(words in entry.text for entry in entries),
        "kept_text": lambda words: any(words in kept.body for kept in life.kept),
        "warning": lambda expected: bool(life.sent(NoticeKind.WARNING)) == expected,
        "case_page": lambda words: words in view.details(life.whole),
    }
    for what, wanted in then.items():
        texts = [(notice.to, notice.text) for notice in notices]
        assert holds[what](wanted), f"{what} = {wanted}; {summary(life)}; notices {texts}"


def is_so(life: Life, then: Table, since: int) -> bool:
    """Whether the case is as a `then` table says."""
    try:
        expect(life, then, since)
    except AssertionError:
        return False
    return True


def summary(life: Life) -> str:
    """A case in a line, for when something is not as expected."""
    owed = ", ".join(f"{d.timescale} {d.state.value} {d.on or d.due}" for d in life.case.running_deadlines)
    requests = ", ".join(f"{request.subject.value} ({request.state.value})" for request in life.case.waiting_requests)
    return f"at {life.now} in {life.case.stage.value}: owed {owed or 'nothing'}; asked {requests or 'nothing'}"


def steps_of(office: Office, table: Table) -> Steps:
    """What led there: a situation alone stands for its own steps, of which the last is then looked at."""
    steps: Steps = table["after"]
    while len(steps) == 1 and isinstance(steps[0], str):
        steps = office.situations[steps[0]]
    return steps


def before_and_after_the_last_step(office: Office, table: Table) -> tuple[Life, Life]:
    *before, last = steps_of(office, table)
    earlier = office.live(before) if before else office.begun(last[0])
    return earlier, office.after(earlier, [last])


# --- What is checked ----------------------------------------------------------------------------------------------


def check_deadline(office: Office, row: str, table: Table) -> None:
    """The last step of `after` starts `deadline`, which is due `due` (not given: it has no date) and owned by `owner`.

    The very end is in time; a second later the owner and a manager are told, unless it is `only_an_aim`.

        wording                words of the duty
        due_in_other_reading   the date by the other reading of the row; `window_opens`: when its window does
        escalated_to           the manager who is told; `overdue_at_once`: it is late as it starts
        met_by, ended_by       steps of which the last meets or ends it, and none before; `not_met_by`: each does not
        not_after              steps after which it never ran

    What a message of its own meets is not met by saying that it was done, and no other message meets or ends it. What
    is in the file's `must_be_done` cannot be left out, what else has no time limit can be, for a reason; it is withheld
    from the family on the grounds in `[withheld_on]`, and on no other.
    """
    before, life = before_and_after_the_last_step(office, table)
    key = table["deadline"]
    deadline = life.the(key)
    assert citations(row, table) & set(deadline.cites), f"{key} cites {deadline.cites}"
    assert deadline.id not in before.deadlines, f"{key} ran before"
    assert deadline.owner == table["owner"], deadline.owner
    for words in table.get("wording", ()):
        assert words in deadline.duty, deadline.duty
    if "due" in table:
        assert life.due(key) == table["due"], life.due(key)
    else:
        assert deadline.due is None, deadline.due
    assert str(deadline.other_reading_on) == table.get("due_in_other_reading", "None"), deadline.other_reading_on
    assert str(deadline.window_opens) == table.get("window_opens", "None"), deadline.window_opens
    if table.get("overdue_at_once"):
        assert life.state(key) == "overdue missed" and len(life.sent(NoticeKind.OVERDUE, key)) == 1
    elif deadline.due is not None:
        assert key in life.running
        late = another(life).until(deadline.due)
        assert late.the(key, life.all_of(key).index(deadline)).breached_at is None, "in time at its very end"
        late.until(deadline.due + ONE_SECOND)
        notices = [notice for notice in late.notices() if notice.deadline == deadline.id]
        overdue = [notice.to for notice in notices if notice.kind is NoticeKind.OVERDUE]
        escalated = [notice.to for notice in notices if notice.kind is NoticeKind.ESCALATION]
        kinds = [office.procedure.role[to].kind for to in escalated]
        assert (overdue, kinds) == (([], []) if table.get("only_an_aim") else ([table["owner"]], [Kind.MANAGER])), (
            notices
        )
        assert table.get("escalated_to") in (None, *escalated), escalated
    _check_ends(office, life, table)


OTHER_MESSAGES: dict[str, Table] = {
    "immediate_protection_taken": {"power": "emergency protection order"},
    "circumstance_recorded": {"what": "the child is in hospital"},
    "complaint_made": {},
    "information_withheld": {"ground": "risk of harm"},
    "assessment_completed": {},
    "assessment_estimate_proposed": {"complete_by": "2027-01-15"},
    "reassessment_arranged": {"next_on": "2027-01-15", "responsible": "social worker"},
    "household_child_identified": {"person": "child-2", "action_needed": True},
    "case_linked": {"reference": "case-77"},
    "conference_service_informed": {},
    "conference_requested": {},
    "chair_allocated": {"chair": "iro-1"},
    "conference_scheduled": {"starts_at": "2027-01-15 10:00"},
    "conference_requests_sent": {},
    "initial_conference_held": {"plan": True, "categories": ["neglect"]},
    "conference_disputed": {"answer_by": "2027-01-15"},
    "invitations_requested": {"attendees": ["health"]},
    "report_sharing_decided": {"share": True, "with_police": True, "with_chair": True},
    "child_visited": {"seen": True, "alone": True, "unannounced": True},
    "visit_recorded": {},
    "whereabouts_unknown": {},
    "urgent_medical_need_found": {},
    "emergency_treatment_given": {"child_consented": False},
    "core_group_held": {},
    "core_group_record_distributed": {},
    "review_report_completed": {},
    "review_conference_held": {"decision": "continue"},
    "step_down_considered": {},
    "new_information_received": {},
    "screening_decided": {"harm_suspected": True},
    "social_worker_allocated": {"social_worker": "sw-1"},
    "strategy_requested": {},
    "strategy_scheduled": {"starts_at": "2027-01-15 10:00"},
    "strategy_outcome": {"decision": "section 47"},
    "strategy_record_circulated": {},
    "section47_outcome": {"outcome": "substantiated"},
}
"""What neither meets nor ends a deadline, but those whose tables say so."""


def after_other_messages(office: Office, life: Life, but: Collection[str]) -> Iterator[tuple[str, Life]]:
    """Each of these messages that can be recorded on a life, and how that goes on."""
    for message in OTHER_MESSAGES.keys() - but:
        by = next((role for role in office.procedure.role if office.may(role, message)), None)
        after = by and office.tried(life, [None, by, message, OTHER_MESSAGES[message]])
        if after:
            yield message, after


def _check_ends(office: Office, life: Life, table: Table) -> None:
    key, nth = table["deadline"], life.all_of(table["deadline"]).index(life.the(table["deadline"]))
    for step in table.get("not_met_by", ()):
        assert office.after(life, [step]).the(key, nth).closed_at is None, f"{step} met it"
    ends = [table[end] for end in ("met_by", "ended_by") if end in table]
    closing = {step[2] for steps in ends for step in steps}.union(office.also_closed_by.get(key, ()))
    if office.thorough and id(table) not in office.looked_at:
        for message, after in after_other_messages(office, life, but=closing):
            assert after.the(key, nth).closed_at is None, f"{message} met or ended it"
        _check_withholding(office, life, table, nth)
        office.looked_at.add(id(table))
    if "met_by" in table:
        if not any("duty_done" in step and key in step[3].values() for step in table["met_by"]):
            done = [None, table["owner"], "duty_done", {"duty": key}]
            assert office.tried(life, done) is None, f"{key} is met by saying that it was done"
        met = office.after(life, table["met_by"])
        assert met.state(key, nth).startswith("met"), summary(met)
    if "ended_by" in table:
        assert office.after(life, table["ended_by"]).state(key, nth) == "ended"
    for *all_but_last, _ in ends:
        assert office.after(life, all_but_last).the(key, nth).closed_at is None, f"{all_but_last} ended it"
    _check_leaving_out(office, life, table)
    if "not_after" in table:
        assert not office.live(table["not_after"]).all_of(key), f"{key} ran after {table['not_after']}"


def _check_leaving_out(office: Office, life: Life, table: Table) -> None:
    key, rule = table["deadline"], office.procedure.timescale.get(table["deadline"])
    left_out = [None, worker_of(office), "duty_departed", {"duty": key, "reason": "there was no time"}]
    if key in office.must_be_done:
        assert "cannot be left out" in office.refused(life, left_out)
    elif rule is not None and not rule.amounts and key in life.running:
        assert "reason" in office.refused(life, [*left_out[:3], {"duty": key}])
        assert key not in office.after(life, [left_out]).running


def _check_withholding(office: Office, life: Life, table: Table, nth: int) -> None:
    key, worker, withheld_on = table["deadline"], worker_of(office), office.withheld_on.get(table["deadline"], [])
    for ground in GROUNDS:
        withheld = office.tried(life, [None, worker, "information_withheld", {"ground": ground}])
        is_withheld = withheld is not None and withheld.state(key, nth) == "withheld"
        assert is_withheld is (ground in withheld_on), f"{key} is {'' if is_withheld else 'not '}withheld: {ground}"
        if withheld and is_withheld:
            assert key in office.after(withheld, [[None, worker, "information_released"]]).running


def worker_of(office: Office) -> str:
    return next(name for name, role in office.procedure.role.items() if role.kind is Kind.WORKER)


def check_decision(office: Office, row: str, table: Table) -> None:
    """The last step of `after` asks the roles `decided_by` for it; until they authorise, what `then` says is not so.

    `not_decided_by`: roles that may not; `not_requested_by`: a role that may not even ask; `finished_separately`:
    FINISH is an act of its own; `requester_may_decide`: it is something to do more than to approve.
    """
    before, life = before_and_after_the_last_step(office, table)
    added = [request for request in life.case.waiting_requests if request.id not in before.case.requests]
    assert len(added) == 1, summary(life)
    request = added[0]
    assert citations(row, table) & set(request.cites), f"{request.title} cites {request.cites}"
    by, then, since = table["decided_by"], table["then"], len(life.effects)
    assert list(request.to) == by, request.to
    assert {to for _, to in life.sent(NoticeKind.REQUEST)[-len(by) :]} == set(by)
    assert not is_so(life, then, since)
    decision = [None, f"{by[0]}/who-decides", "authorisation"]
    for role in table["not_decided_by"]:
        assert "It is decided by" in office.refused(life, [None, f"{role}/somebody-else", "authorisation"])
    own = [None, f"{by[0]}/{request.asked_by}", "authorisation"]
    if table.get("requester_may_decide"):
        expect(office.after(life, [own]), then, since)
    else:
        assert "nobody can authorise their own" in office.refused(life, own)
    if "not_requested_by" in table:
        at, _, *message = steps_of(office, table)[-1]
        assert "asked for by" in office.refused(before, [at, table["not_requested_by"], *message])
    returned = office.after(life, [[*decision, {"decision": "return", "reason": "not complete"}]])
    assert returned.sent(NoticeKind.REQUEST)[-1][1] == request.asked_by_role
    assert not is_so(returned, then, since)
    authorised = office.after(life, [decision])
    if table.get("finished_separately"):
        finish = [None, by[0], "request_finished", {"request": request.id}]
        assert "once it is authorised" in office.refused(life, finish)
        assert not is_so(authorised, then, since)
        authorised = office.after(authorised, [finish])
    expect(authorised, then, since)


def check_refusal(office: Office, row: str, table: Table) -> None:
    """After `after`, the step `refused` is refused, and the reason cites the row (or says `reason`).

    After the steps `accepted_after` it is accepted; or the step `accepted_instead` is at once. `then` holds after that.
    """
    life = office.live(table["after"])
    reason = office.refused(life, table["refused"])
    if "reason" in table:
        assert all(words in reason for words in _as_list(table["reason"])), reason
    else:
        assert citations(row, table) & set(reason.replace("(", " ").replace(")", " ").replace(",", " ").split()), reason
    if "accepted_after" in table:
        expect(office.after(life, [*table["accepted_after"], table["refused"]]), table.get("then", {}))
    elif "accepted_instead" in table:
        expect(office.after(life, [table["accepted_instead"]]), table.get("then", {}))


def check_meeting(office: Office, row: str, table: Table) -> None:
    """After `after`, the step `meeting` needs each role it names in `attended_by`, but for those that `may_be_absent`.

    Without one it is refused, and accepted with a note saying why. With one of `not_attended_by` it is refused.
    """
    life = office.live(table["after"])
    at, by, message, fields = table["meeting"]
    everybody = fields["attended_by"]
    for absent in everybody:
        if absent in table.get("may_be_absent", ()):
            continue
        without_one = {**fields, "attended_by": [role for role in everybody if role != absent]}
        assert f"cannot go ahead without: {absent}" in office.refused(life, [at, by, message, without_one])
        noted = office.after(life, [[at, by, message, {**without_one, "note": f"The {absent} was ill"}]])
        assert any(f"held without {absent}" in line for line in noted.lines)
    for role in table.get("not_attended_by", ()):
        with_them = {**fields, "attended_by": [*everybody, role], "note": "They asked to come"}
        assert "professionals only" in office.refused(life, [at, by, message, with_them])
    expect(office.after(life, [table["meeting"]]), table.get("then", {}))


def check_role(office: Office, row: str, table: Table) -> None:
    """`role`, as the document names it, is known and has its part in `after`; `then` says what followed.

    `role_kind`: what kind of role it is; `refusals`: steps that are refused after it, each with words of the reason.
    """
    name = office.procedure.role_named(table["role"])
    assert name is not None
    assert table.get("role_kind") in (None, office.procedure.role[name].kind)
    before, life = before_and_after_the_last_step(office, table)
    expect(life, table.get("then", {}), len(before.effects))
    for step, words in table.get("refusals", ()):
        reason = office.refused(life, step)
        assert words in reason, reason


def check_form(office: Office, row: str, table: Table) -> None:
    """After `after`, the `form` is `completed_by` a role, and not without any of its `[form_contents]`.

    `must_contain`: only these are tried; `must_be_signed`: nor without a signature; `meets`: the deadline it meets;
    `notices`: who is told what;
    `not_completed_by`: roles that do not write it.
    """
    life = office.live(table["after"])
    form, by = table["form"], table["completed_by"]
    contents = office.form_contents.get(form, [])
    must_contain = table.get("must_contain", contents)
    signed = table.get("must_be_signed", False)

    def completed(role: str = by, **otherwise: Any) -> Steps:
        return [None, role, "form_completed", {"form": form, "contents": contents, "signed": signed, **otherwise}]

    for missing in must_contain:
        reason = office.refused(life, completed(contents=[content for content in contents if content != missing]))
        assert f"must also contain: {missing}" in reason, reason
    if signed:
        assert "must be signed" in office.refused(life, completed(signed=False))
    done = office.after(life, [completed()])
    cites = {row for entry in done.entries if entry.what == "form_completed" for row in entry.cites}
    assert citations(row, table) & cites, cites
    if "meets" in table:
        assert life.the(table["meets"]).owner == by
        assert (life.state(table["meets"]), done.state(table["meets"])) == ("open", "met")
    expect(done, {"notices": table.get("notices", [])}, len(life.effects))
    for role in table["not_completed_by"]:
        assert "cannot be recorded as" in office.refused(life, completed(role))


def check_prompt(office: Office, row: str, table: Table) -> None:
    """After `after`, the `prompt` is shown with the words in `wording`, until `answered_by` checks it off. A no needs
    its reason.

    `not_after`: steps after which it is not shown; `not_answered_by`: roles that may not check it off.
    `only_at_stage`, instead of `after`: it is shown in the situation that has the name of this stage, and in no other
    that is named so; `only_after`: and there only after these steps.
    """
    stage, condition = table.get("only_at_stage"), table.get("only_after", [])
    life = office.live([*table.get("after", [stage]), *condition])
    prompt = table["prompt"]
    shown = dict(view.open_prompts(life.case))
    assert prompt in shown
    assert office.procedure.prompt[prompt].force == ("must" if prompt in office.must_be_done else "should")
    for words in _as_list(table["wording"]):
        assert words.casefold() in shown[prompt].casefold(), shown[prompt]
    others = [name for name in office.situations if stage and name in list(Stage) and name != stage]
    elsewhere = [[name, *condition] for name in others] + ([[stage]] if condition else [])
    elsewhere += [table["not_after"]] if "not_after" in table else []
    for steps in elsewhere:
        assert prompt not in dict(view.open_prompts(office.live(steps).case)), f"shown after {steps}"
    for role in table.get("not_answered_by", ()):
        reason = office.refused(life, [None, role, "prompt_answered", {"prompt": prompt, "answer": True}])
        assert "cannot record “prompt answered”" in reason, reason
    for by in _as_list(table["answered_by"]):
        step = [None, by, "prompt_answered"]
        assert "say why not" in office.refused(life, [*step, {"prompt": prompt, "answer": False}])
        unanswered = office.after(life, [[*step, {"prompt": prompt, "answer": False, "reason": "the family declined"}]])
        assert "the family declined" in unanswered.kept[-1].body
        assert citations(row, table) & set(unanswered.entries[-1].cites)
        answered = office.after(life, [[*step, {"prompt": prompt, "answer": True}]])
        assert prompt not in dict(view.open_prompts(answered.case))


def _as_list(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def check_then(office: Office, row: str, table: Table) -> None:
    """After `after` the case is as `then` says: see `expect` for what it may say."""
    before, life = before_and_after_the_last_step(office, table)
    expect(life, table["then"], len(before.effects))


CHECKS: dict[str, Check] = {
    "deadline": check_deadline,
    "decided_by": check_decision,
    "refused": check_refusal,
    "meeting": check_meeting,
    "role": check_role,
    "form": check_form,
    "prompt": check_prompt,
    "then": check_then,
}
"""What is checked, by the key that says so: the first of these that a table has."""


def what_is_checked(table: Table) -> str:
    return next(key for key in CHECKS if key in table)


def sides(row: str) -> Iterator[tuple[str, Table]]:
    """What is to be checked of a row, and the row that its rules cite: this one, also where the table is another's."""
    for table in TABLES[row]:
        if "same_as" in table:
            cited = table["same_as"] if "cited_as" in table else row
            others = [other for _, other in sides(table["same_as"])]
            yield from ((cited, other) for other in others if what_is_checked(other) not in table.get("except", ()))
        else:
            yield row, table


@cache
def office_of(name: str) -> Office:
    return Office(loaded(name))


def check(row: str, of: Callable[[str], Office] = office_of) -> None:
    """Hold a row against the core."""
    for cited, table in sides(row):
        CHECKS[what_is_checked(table)](of(table["procedure"]), cited, table)


@pytest.mark.parametrize("row", [pytest.param(row, marks=pytest.mark.covers(row)) for row in TABLES])
def test_row(row: str) -> None:
    check(row)


def test_what_is_tried_on_every_duty_can_be_recorded() -> None:
    """What is refused everywhere meets nothing anywhere."""
    recorded: set[str] = set()
    for table in (table for row in TABLES for _, table in sides(row) if what_is_checked(table) == "deadline"):
        office = office_of(table["procedure"])
        _, life = before_and_after_the_last_step(office, table)
        recorded |= {message for message, _ in after_other_messages(office, life, but=recorded)}
        if recorded == OTHER_MESSAGES.keys():
            break
    assert recorded == OTHER_MESSAGES.keys()


@pytest.mark.covers("Q-06")
def test_two_clear_working_days_are_one_day_more() -> None:
    procedure = loaded("T")
    rule = procedure.timescale["conference-report-to-family"].model_copy(update={"clear_days": True})
    clear = changed(procedure, timescale={**procedure.timescale, "conference-report-to-family": rule})
    assert office_of("T").live(["scheduled"]).due("conference-report-to-family") == "2026-05-08"
    assert Office(clear).live(["scheduled"]).due("conference-report-to-family") == "2026-05-07"


# --- And what carries a row is what makes it so -------------------------------------------------------------------


PARTS = ("timescale", "authorisation", "meeting", "gate", "answer", "notice", "form", "prompt", "role")
Citing = Callable[[str, Any, Any], bool]


def without(procedure: Procedure, gone: Citing) -> Procedure:
    """The procedure less every rule of which `gone` (told its part, its name or number, and the rule) says so."""

    def kept(part: str, rules: Any) -> Any:
        if isinstance(rules, tuple):
            return tuple(rule for number, rule in enumerate(rules) if not gone(part, number, rule))
        return {key: rule for key, rule in rules.items() if not gone(part, key, rule)}

    less = {part: kept(part, getattr(procedure, part)) for part in PARTS}
    if gone("assessment", "", procedure.assessment):
        less["assessment"] = procedure.assessment.model_copy(update={"starts": ()})
    return changed(procedure, **less)


def offices_without(letter: str | None, gone: Citing) -> Callable[[str], Office]:
    """Offices where these rules are missing: of this one procedure, or of every one."""

    @cache
    def bare(name: str) -> Office:
        less = letter is None or letter in name.split("+")
        return Office(without(loaded(name), gone) if less else loaded(name), thorough=False)

    return bare


@lru_cache(maxsize=2)
def offices_without_rule(letter: str, part: str, key: Any) -> Callable[[str], Office]:
    return offices_without(letter, lambda its_part, its_key, _: (its_part, its_key) == (part, key))


def nothing(*given: Any, **named: Any) -> None:
    """What stands in for a function of the core that is taken away."""


@pytest.fixture
def taken_away(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Take a function of the core away, wherever it is known."""

    def take(code: str) -> None:
        module, _, name = code.rpartition(".")
        function = getattr(sys.modules[module], name)
        for known in [known for key, known in sys.modules.items() if key.startswith("casework")]:
            if vars(known).get(name) is function:
                monkeypatch.setattr(known, name, nothing)
        for table in (MEANINGS, requests.EFFECTS, conditions.JUDGED):
            for key, value in list(table.items()):
                if value is function:
                    monkeypatch.setitem(table, key, nothing)  # type: ignore[misc]

    return take


@pytest.mark.parametrize("row", [row for row, tables in TABLES.items() if not any("code" in table for table in tables)])
def test_without_its_rules_a_row_is_not_held(row: str) -> None:
    rows = {row}.union(*(citations(row, table) for table in TABLES[row]))
    with pytest.raises(AssertionError):
        check(row, offices_without(None, lambda part, key, rule: bool(rows & set(rule.cites))))


def rules_of(letter: str) -> Iterator[tuple[str, str, Any, str]]:
    """Every rule of a procedure, with each row that it cites and that is checked here under that procedure."""
    for part in PARTS:
        rules = getattr(loaded(letter), part)
        for key, rule in enumerate(rules) if isinstance(rules, tuple) else rules.items():
            if part == "meeting" and not (rule.minimum or rule.minimum_if or rule.professionals_only):
                continue  # it says what the meeting is, and asks for nothing
            for row in rule.cites:
                if row in TABLES and any(letter in table["procedure"].split("+") for _, table in sides(row)):
                    yield letter, part, key, row


EVERY_RULE = [rule for letter in ("W", "P", "T", "M", "WT", "B") for rule in rules_of(letter)]


@pytest.mark.parametrize(("letter", "part", "key", "row"), EVERY_RULE)
def test_without_one_rule_the_rows_it_cites_are_not_held(letter: str, part: str, key: Any, row: str) -> None:
    with pytest.raises(AssertionError):
        check(row, offices_without_rule(letter, part, key))


CODED = [(row, table["code"]) for row, tables in TABLES.items() for table in tables if "code" in table]


@pytest.mark.parametrize(("row", "code"), CODED)
def test_without_its_code_a_row_is_not_held(row: str, code: str, taken_away: Callable[[str], None]) -> None:
    taken_away(code)
    with pytest.raises(Exception):  # noqa: B017 a function that is missed may be missed in any way
        check(row, cache(lambda name: Office(loaded(name))))


# --- And a slip in an amount is noticed ---------------------------------------------------------------------------


def slips(rule: Timescale) -> Iterator[tuple[str, Timescale]]:
    """The rule with one amount off by one, or with its days counted in the other way."""
    for by in (-1, 1):
        if rule.window:
            first, second = rule.window
            yield f"window from {first.number + by}", rule.model_copy(update={"window": (other(first, by), second)})
            yield f"window to {second.number + by}", rule.model_copy(update={"window": (first, other(second, by))})
        for name in ("within", "before"):
            amount = getattr(rule, name)
            if amount is not None and amount.number + by > 0:
                yield f"{name} {other(amount, by)}", rule.model_copy(update={name: other(amount, by)})
    if rule.reading is not None:
        flipped = "calendar" if rule.reading == "working" else "working"
        yield f"{flipped} days", rule.model_copy(update={"reading": flipped})


def other(amount: Amount, by: int) -> Amount:
    return Amount(number=amount.number + by, unit=amount.unit)


def dates_of(office: Office, table: Table, key: str) -> list[str]:
    """The dates that a table gives of a deadline, as they are in this office."""
    life = office.live(table["after"])
    if not life.all_of(key):
        return []
    deadline = life.the(key)
    others = [str(deadline.other_reading_on), str(deadline.window_opens)] if "deadline" in table else []
    return [life.due(key), *others]


def tables_with_dates(letter: str, key: str) -> Iterator[tuple[Table, list[str]]]:
    """The tables that give a date of this deadline, and what they give."""
    for table in (table for tables in TABLES.values() for table in tables):
        if letter in (table["procedure"] or "").split("+"):
            if table.get("deadline") == key and "due" in table:
                others = [table.get(name, "None") for name in ("due_in_other_reading", "window_opens")]
                yield table, [table["due"], *others]
            elif key in table.get("then", {}).get("due", {}) and "refused" not in table:
                yield table, [table["then"]["due"][key]]


COUNTED = [
    (letter, key)
    for letter in ("W", "P", "T", "M", "WT", "B")
    for key, rule in loaded(letter).timescale.items()
    if rule.amounts and not all(row.startswith("X-") for row in rule.cites)  # an authority's own is for it to hold
]


@pytest.mark.parametrize(("letter", "key"), COUNTED, ids=".".join)
def test_a_slip_in_an_amount_is_noticed(letter: str, key: str) -> None:
    """By one in its number, or in how its days are counted: a table of rows/*.toml gives a date that is then wrong."""
    tables = list(tables_with_dates(letter, key))
    assert tables, f"say in a table of tests/rows when {key} is due, once the date is worked out by hand"
    for slip, rule in slips(loaded(letter).timescale[key]):
        amounts = {name: getattr(rule, name) for name in ("within", "before", "window", "reading")}

        def is_wrong(table: Table, dates: list[str], amounts: dict[str, Any] = amounts) -> bool:
            procedure = loaded(table["procedure"])
            slipped = procedure.timescale[key].model_copy(update=amounts)
            office = Office(changed(procedure, timescale={**procedure.timescale, key: slipped}), thorough=False)
            return dates_of(office, table, key) != dates

        assert any(is_wrong(table, dates) for table, dates in tables), f"{letter}.{key}: {slip} goes unnoticed"


# --- And no row is left out ---------------------------------------------------------------------------------------


def rows_of_the_catalogue() -> Iterator[str]:
    for kind, rows in CATALOGUE.items():
        if kind not in ("context", "scenario"):
            yield from rows


@pytest.mark.parametrize("letter", ["W", "P", "T", "M", "B"])
def test_every_prompt_and_every_role_that_a_row_names_is_held_by_a_table(letter: str) -> None:
    tables = [(row, table) for row in TABLES for _, table in sides(row) if letter in table["procedure"].split("+")]
    assert set(loaded(letter).prompt) <= {table["prompt"] for _, table in tables if "prompt" in table}
    held = {row for row, table in tables if what_is_checked(table) in ("role", "meeting", "decided_by")}
    assert {
        row for role in loaded(letter).role.values() for row in role.cites if row.startswith(f"R-{letter}-")
    } <= held


def test_every_row_is_here() -> None:
    assert set(rows_of_the_catalogue()) - set(TABLES) == CONTEXT_ONLY
    assert set(TABLES) <= set(rows_of_the_catalogue())
