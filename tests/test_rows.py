"""Every row of the catalogue, held against the running core: what must be seen is written in `rows/*.toml`.

A file holds one procedure's rows (`common.toml` those about several, `b.toml` not all of B's), one table per row, or an
array of tables where a row has several sides. The tables were written from the catalogue, not from the procedure files,
and say:

    kind    what sort of check it is: one of the functions in `KINDS` below, whose docstring says what it takes
    life    the messages that lead there: a named way in, then steps of `[when, who, message, {fields}]`, London time
    code    the row is carried by this function of the core, not by a rule of the procedure
    rests_on  the rows whose rules carry this one, where they are not its own

`[start]` has the ways in, `[usual]` what a message says unless a step says otherwise, `[also]` which messages meet or
end a duty besides those that its own tables name. A second test takes away what carries a row, rule or function, and
wants its check to fail.
"""

import sys
import tomllib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from copy import copy
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from casework import conditions, requests, view
from casework.effects import Entry, Notice, NoticeKind
from casework.messages import MEANINGS
from casework.procedure import Procedure
from casework.procedure_files import load
from casework.stages import MESSAGES
from casework.vocabulary import Kind, Stage
from tests.lives import Life, changed

FILES = {
    path.stem: tomllib.loads(path.read_text("utf-8")) for path in sorted(Path(__file__).parent.glob("rows/*.toml"))
}
CATALOGUE = tomllib.loads((Path(__file__).parents[1] / "docs" / "catalogue.toml").read_text("utf-8"))
NO_ROWS = ("procedure", "start", "usual", "also")
ONE_SECOND = timedelta(seconds=1)

Table = Mapping[str, Any]
Steps = Sequence[Any]
Check = Callable[["Office", str, Table], None]


def tables_by_row() -> dict[str, list[Table]]:
    """The tables of each row, each with the procedure it is about."""
    found: dict[str, list[Table]] = {}
    for name, file in FILES.items():
        if name == "context":
            continue
        for row, said in file.items():
            if row not in NO_ROWS:
                tables = said if isinstance(said, list) else [said]
                found[row] = [{"procedure": file.get("procedure"), **table} for table in tables]
    return found


TABLES = tables_by_row()
CONTEXT: dict[str, str] = {one["id"]: one["because"] for one in FILES["context"]["row"]}


loaded = cache(load)


class Office:
    """Where cases are lived under one procedure: each named way in is lived once and carried on from."""

    def __init__(self, procedure: Procedure) -> None:
        said = FILES.get(procedure.about.letter.lower(), {})
        self.procedure = procedure
        self.starts: dict[str, Steps] = said.get("start", {})
        self.usual: dict[str, Table] = said.get("usual", {})
        self.also: dict[str, Sequence[str]] = said.get("also", {})
        self._lived: dict[str, Life] = {}

    def live(self, steps: Steps) -> Life:
        """A life of its own through these steps; each has to be accepted."""
        life: Life | None = None
        for step in steps:
            if isinstance(step, str):
                assert life is None, f"{step} is a way in, and comes first"
                if step not in self._lived:
                    self._lived[step] = self.live(self.starts[step])
                life = another(self._lived[step])
            else:
                life = life or self.begun(step[0])
                self.say(life, step)
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

    def say(self, life: Life, step: Steps) -> Life:
        at, by, name, fields = self._read(life, step)
        return life.say(name, by, at, **fields)

    def refused(self, life: Life, step: Steps) -> str:
        at, by, name, fields = self._read(life, step)
        return life.refused(name, by, at, **fields)

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
            self.say(life, step)
        return life

    def _read(self, life: Life, step: Steps) -> tuple[str | None, str, str, dict[str, Any]]:
        at, by, name, *said = step
        role, _, person = by.partition("/")
        fields = {**self.usual.get(name, {}), **(said[0] if said else {})}
        fields = {field: value for field, value in fields.items() if value != ""}  # "": not that, though it is usual
        if name in ("authorisation", "request_finished", "request_reassigned"):
            waiting = life.case.waiting_requests
            fields.setdefault("request", waiting[-1].id if waiting else "request-0")
        if name == "authorisation":
            fields.setdefault("decision", "authorise")
        return at or None, f"{role}/{person or slug(role)}", name, fields


def slug(role: str) -> str:
    """An id for the one person of a role: different roles are different people."""
    return "".join(letter if letter.isalnum() else "-" for letter in role).strip("-")


def another(life: Life) -> Life:
    """The same life up to now, which may go on otherwise."""
    other = copy(life)
    other.effects = list(life.effects)
    return other


def carriers(row: str, table: Table) -> set[str]:
    """The rows whose rules carry this one."""
    return set(table.get("rests_on", ())) or {row}


# --- What may be expected of a case -------------------------------------------------------------------------------


def expect(life: Life, then: Table, since: int = 0) -> None:
    """What a `then` table says of a case; what it says was told or written is looked for from effect `since` on."""
    told = [(effect.to, effect.text) for effect in life.effects[since:] if isinstance(effect, Notice)]
    handed = [(effect.to, effect.person) for effect in life.effects[since:] if isinstance(effect, Notice)]
    entries = [effect for effect in life.effects[since:] if isinstance(effect, Entry)]
    looks: dict[str, Callable[[Any], bool]] = {
        "stage": lambda stage: life.case.stage == stage,
        "strands": lambda strands: sorted(life.case.open_strands) == sorted(strands),
        "owed": lambda keys: set(keys) <= set(life.running),
        "not_owed": lambda keys: not set(keys) & set(life.running),
        "never": lambda keys: not any(life.all_of(key) for key in keys),
        "times": lambda wanted: all(life.running.count(key) == number for key, number in wanted.items()),
        "due": lambda wanted: all(life.due(key) == due for key, due in wanted.items()),
        "owner": lambda wanted: all(life.the(key).owner == owner for key, owner in wanted.items()),
        "states": lambda wanted: all(life.state(key) == state for key, state in wanted.items()),
        "waits_for": lambda roles: set(roles) <= set(life.case.waiting_for),
        "requests": lambda subjects: sorted(one.subject for one in life.case.waiting_requests) == sorted(subjects),
        "told": lambda wanted: all(any(to == role and says in text for to, text in told) for role, says in wanted),
        "handed": lambda wanted: all(tuple(one) in handed for one in wanted),
        "not_told": lambda roles: not any(to in roles for to, _ in told),
        "says": lambda said: any(said in entry.text for entry in entries),
        "words": lambda said: any(said in kept.body for kept in life.kept),
        "warned": lambda warned: bool(life.told(NoticeKind.WARNING)) == warned,
        "page": lambda said: said in view.details(life.whole),
    }
    for what, wanted in then.items():
        assert looks[what](wanted), f"{what} = {wanted}; {seen(life)}; told {told}"


def is_so(life: Life, then: Table, since: int) -> bool:
    """Whether the case is as a `then` table says."""
    try:
        expect(life, then, since)
    except AssertionError:
        return False
    return True


def seen(life: Life) -> str:
    """A case in a line, for when something is not as expected."""
    owed = ", ".join(f"{d.timescale} {d.state.value} {d.on or d.due}" for d in life.case.running_deadlines)
    asked = ", ".join(f"{one.subject.value} ({one.state.value})" for one in life.case.waiting_requests)
    return f"at {life.now} in {life.case.stage.value}: owed {owed or 'nothing'}; asked {asked or 'nothing'}"


def with_last(office: Office, table: Table) -> tuple[Life, Life]:
    """The life before its last step, and after it."""
    *before, last = table["life"]
    if not before and isinstance(last, str):
        return office.begun("2000-01-01 00:00"), office.live([last])
    earlier = office.live(before) if before else office.begun(last[0])
    return earlier, office.after(earlier, [last])


# --- The kinds of check -------------------------------------------------------------------------------------------


def check_limit(office: Office, row: str, table: Table) -> None:
    """The last step of `life` starts a clock: `owed` (a timescale) is due `due` and owned by `owner`.

    `other`: the date in the other reading; `opens`: when its window does. `met`: what meets it, and `until`: what ends
    it, with the last step and not before; `not_met`: what does not; `never`: a life without it; `aim`: passing it is no
    miss; `late`: it is late at once; `duty`: words of what is owed; `departs`: whether it may be left out with a
    reason. Of each it is seen that the very end is in time, and that a second later owner and a manager are told
    (`manager`: which of them). What a message of its own meets is not met by saying that it was done.
    """
    before, life = with_last(office, table)
    key = table["owed"]
    deadline = life.the(key)
    assert carriers(row, table) & set(deadline.cites), f"{key} cites {deadline.cites}"
    assert deadline.id not in before.deadlines, f"{key} ran before"
    assert deadline.owner == table["owner"], deadline.owner
    for words in table.get("duty", ()):
        assert words in deadline.duty, deadline.duty
    if "due" in table:
        assert life.due(key) == table["due"], life.due(key)
    else:
        assert deadline.due is None, deadline.due
    assert str(deadline.other_reading_on) == table.get("other", "None"), deadline.other_reading_on
    assert str(deadline.window_opens) == table.get("opens", "None"), deadline.window_opens
    if table.get("late"):
        assert life.state(key) == "overdue missed" and len(life.told(NoticeKind.OVERDUE, key)) == 1
    elif deadline.due is not None:
        assert key in life.running
        late = another(life).until(deadline.due)
        assert late.the(key, life.all_of(key).index(deadline)).breached_at is None, "in time at its very end"
        late.until(deadline.due + ONE_SECOND)
        told = [(notice.kind, notice.to) for notice in late.notices() if notice.deadline == deadline.id]
        missed = [to for kind, to in told if kind is NoticeKind.OVERDUE]
        further = [to for kind, to in told if kind is NoticeKind.ESCALATION]
        kinds = [office.procedure.role[to].kind for to in further]
        assert (missed, kinds) == (([], []) if table.get("aim") else ([table["owner"]], [Kind.MANAGER])), told
        assert table.get("manager") in (None, *further), told
    _check_ends(office, life, table)


BESIDE: dict[str, Table] = {
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
"""What neither meets nor ends a duty, but those whose tables say so (`met`, `until`, `also`)."""


def said_beside(office: Office, life: Life, but: Collection[str]) -> Iterator[tuple[str, Life]]:
    """Each of these messages that can be recorded on a life, and how that goes on."""
    for name in BESIDE.keys() - but:
        by = next((role for role in office.procedure.role if office.may(role, name)), None)
        after = by and office.tried(life, [None, by, name, BESIDE[name]])
        if after:
            yield name, after


def _check_ends(office: Office, life: Life, table: Table) -> None:
    key, nth = table["owed"], life.all_of(table["owed"]).index(life.the(table["owed"]))
    for step in table.get("not_met", ()):
        assert office.after(life, [step]).the(key, nth).closed_at is None, f"{step} met it"
    said_to = {step[2] for end in ("met", "until") for step in table.get(end, ())}
    for name, after in said_beside(office, life, but=said_to.union(office.also.get(key, ()))):
        assert after.the(key, nth).closed_at is None, f"{name} met or ended it"
    if "met" in table and not any("duty_done" in step and key in step[3].values() for step in table["met"]):
        said = [None, table["owner"], "duty_done", {"duty": key}]
        assert office.tried(life, said) is None, f"{key} is met by saying that it was done"
    if "met" in table:
        assert office.after(life, table["met"]).state(key, nth).startswith("met"), seen(
            office.after(life, table["met"])
        )
    if "until" in table:
        assert office.after(life, table["until"]).state(key, nth) == "ended"
    for *lead_there, _ in (table[end] for end in ("met", "until") if end in table):
        assert office.after(life, lead_there).the(key, nth).closed_at is None, f"{lead_there} ended it"
    if "departs" in table:
        worker = next(name for name, role in office.procedure.role.items() if role.kind is Kind.WORKER)
        left_out = [None, worker, "duty_departed", {"duty": key, "reason": "there was no time"}]
        if table["departs"]:
            assert office.after(life, [left_out]).state(key, nth) == "ended"
        else:
            assert "cannot be left out" in office.refused(life, left_out)
    if "never" in table:
        assert not office.live(table["never"]).all_of(key), f"{key} ran in {table['never']}"


def check_authorised(office: Office, row: str, table: Table) -> None:
    """The last step of `life` asks the roles `by` for it; until they authorise, what `then` says is not so.

    `wrong`: roles that may not; `finish`: FINISH is an act of its own; `asks_not`: a role that may not even ask;
    `task`: it is something to do more than to approve, which whoever asked may do too.
    """
    before, life = with_last(office, table)
    asked = [one for one in life.case.waiting_requests if one.id not in before.case.requests]
    assert len(asked) == 1, seen(life)
    request = asked[0]
    assert carriers(row, table) & set(request.cites), f"{request.title} cites {request.cites}"
    by, then, since = table["by"], table["then"], len(life.effects)
    assert list(request.to) == by, request.to
    assert {to for _, to in life.told(NoticeKind.REQUEST)[-len(by) :]} == set(by)
    assert not is_so(life, then, since)
    decide_as = [None, f"{by[0]}/who-decides", "authorisation"]
    for role in table["wrong"]:
        assert "It is decided by" in office.refused(life, [None, f"{role}/somebody-else", "authorisation"])
    own = [None, f"{by[0]}/{request.asked_by}", "authorisation"]
    if table.get("task"):
        expect(office.after(life, [own]), then, since)
    else:
        assert "nobody can authorise their own" in office.refused(life, own)
    if "asks_not" in table:
        _, _, *said = table["life"][-1]
        assert "asked for by" in office.refused(another(before), [table["life"][-1][0], table["asks_not"], *said])
    returned = office.after(life, [[*decide_as, {"decision": "return", "reason": "not complete"}]])
    assert returned.told(NoticeKind.REQUEST)[-1][1] == request.asked_by_role
    assert not is_so(returned, then, since)
    if table.get("finish"):
        assert "once it is authorised" in office.refused(life, [None, by[0], "request_finished"])
        life = office.after(life, [decide_as])
        assert not is_so(life, then, since)
        expect(office.after(life, [[None, by[0], "request_finished", {"request": request.id}]]), then, since)
    else:
        expect(office.after(life, [decide_as]), then, since)


def check_refused(office: Office, row: str, table: Table) -> None:
    """After `life`, `step` is refused, and the reason cites the row (or says `says`).

    After the steps in `once` it is accepted; or `instead` is, at once. `then`: what holds after that.
    """
    life = office.live(table["life"])
    reason = office.refused(another(life), table["step"])
    if "says" in table:
        assert table["says"] in reason, reason
    else:
        assert carriers(row, table) & set(reason.replace("(", " ").replace(")", " ").replace(",", " ").split()), reason
    if "once" in table:
        life = office.after(life, [*table["once"], table["step"]])
        expect(life, table.get("then", {}))
    elif "instead" in table:
        life = office.after(life, [table["instead"]])
        expect(life, table.get("then", {}))


def check_notice(office: Office, row: str, table: Table) -> None:
    """The last step of `life` tells each role in `told` what `says` says, once; before it nobody was told that."""
    before, life = with_last(office, table)
    for role in table["told"]:
        found = [n for n in life.notices(NoticeKind.TOLD) if n.to == role and table["says"] in n.text]
        assert len(found) == 1, f"{role} was told {[n.text for n in life.notices() if n.to == role]}"
        assert found[0] not in before.notices()
    expect(life, table.get("then", {}), len(before.effects))


def check_meeting(office: Office, row: str, table: Table) -> None:
    """After `life`, the meeting in `step` needs each of the roles it names in `attended_by`, but for `guests`.

    Without one it is refused, and accepted with a note saying why. With one of the roles in `not_with` it is refused.
    """
    life = office.live(table["life"])
    at, by, name, said = table["step"]
    everybody = said["attended_by"]
    for absent in everybody:
        if absent in table.get("guests", ()):
            continue
        without_one = {**said, "attended_by": [role for role in everybody if role != absent]}
        assert f"cannot go ahead without: {absent}" in office.refused(another(life), [at, by, name, without_one])
        noted = office.after(life, [[at, by, name, {**without_one, "note": f"The {absent} was ill"}]])
        assert any(f"held without {absent}" in line for line in noted.lines)
    for role in table.get("not_with", ()):
        with_them = {**said, "attended_by": [*everybody, role], "note": "They asked to come"}
        assert "professionals only" in office.refused(another(life), [at, by, name, with_them])
    expect(office.after(life, [table["step"]]), table.get("then", {}))


def check_role(office: Office, row: str, table: Table) -> None:
    """The document's name for the role, `named`, is known; it has its part in `life`; `then` says what followed.

    `sort`: what kind of role it is; `refuses`: steps that are refused after it, each with words of the reason.
    """
    name = office.procedure.role_named(table["named"])
    assert name is not None
    assert table.get("sort") in (None, office.procedure.role[name].kind)
    before, life = with_last(office, table)
    expect(life, table.get("then", {}), len(before.effects))
    for step, words in table.get("refuses", ()):
        reason = office.refused(another(life), step)
        assert words in reason, reason


def check_form(office: Office, row: str, table: Table) -> None:
    """After `life`, `form` is completed `by` with all of its `contents`, not without one; `signed`: and signed.

    `meets`: the duty this meets; `told`: who is told; `wrong`: roles that do not write it (`check_author`).
    """
    life = office.live(table["life"])
    form, by = table["form"], table["by"]
    contents, signed = table.get("contents", []), table.get("signed", False)
    for missing in contents:
        rest = [one for one in contents if one != missing]
        reason = office.refused(life, [None, by, "form_completed", {"form": form, "contents": rest, "signed": signed}])
        assert f"must also contain: {missing}" in reason, reason
    if signed:
        reason = office.refused(life, [None, by, "form_completed", {"form": form, "contents": contents}])
        assert "must be signed" in reason, reason
    said = {"form": form, "contents": contents, "signed": signed}
    done = office.after(life, [[None, by, "form_completed", said]])
    assert any(carriers(row, table) & set(entry.cites) for entry in done.entries if entry.what == "form_completed")
    if "meets" in table:
        assert life.the(table["meets"]).owner == by
        assert (life.state(table["meets"]), done.state(table["meets"])) == ("open", "met")
    expect(done, {"told": table.get("told", [])}, len(life.effects))


def check_part(office: Office, row: str, table: Table) -> None:
    """After `life`, `form` is not complete without the one of its `parts` that speaks of all the words in `says`."""
    life = office.live(table["life"])
    form, by = table["form"], table["by"]
    contents = office.procedure.form[form].contents if form in office.procedure.form else ()
    assert len(contents) == table["parts"], contents
    (part,) = [one for one in contents if all(words in one.casefold() for words in table["says"])]
    rest = [one for one in contents if one != part]
    step = [None, by, "form_completed"]
    assert f"must also contain: {part}" in office.refused(
        life, [*step, {"form": form, "contents": rest, "signed": True}]
    )
    done = office.after(life, [[*step, {"form": form, "contents": list(contents), "signed": True}]])
    assert carriers(row, table) & set(done.entries[-1].cites)


def check_prompt(office: Office, row: str, table: Table) -> None:
    """After `life`, `prompt` is shown and `asks` these words, until `by` checks it off. A no needs its reason.

    `never`: a life without it; `not_by`: roles that may not check it off. With `stage` instead of `life` it is shown
    at the stage that has this name in `[start]`, and at no other one of those in `[start]` that are named so; `so`:
    steps that have to be taken there first.
    """
    so, stage = table.get("so", []), table.get("stage")
    life = office.live([*table.get("life", [stage]), *so])
    prompt = table["prompt"]
    shown = dict(view.open_prompts(life.case))
    assert prompt in shown
    for words in [table["asks"]] if isinstance(table["asks"], str) else table["asks"]:
        assert words.casefold() in shown[prompt].casefold(), shown[prompt]
    elsewhere = [[one, *so] for one in office.starts if stage and one in list(Stage) and one != stage]
    elsewhere += [[stage]] if so else []
    elsewhere += [table["never"]] if "never" in table else []
    for other in elsewhere:
        assert prompt not in dict(view.open_prompts(office.live(other).case)), f"shown after {other}"
    for role in table.get("not_by", ()):
        reason = office.refused(life, [None, role, "prompt_answered", {"prompt": prompt, "answer": True}])
        assert "cannot record “prompt answered”" in reason, reason
    for by in [table["by"]] if isinstance(table["by"], str) else table["by"]:
        step = [None, by, "prompt_answered"]
        assert "say why not" in office.refused(life, [*step, {"prompt": prompt, "answer": False}])
        unanswered = office.after(life, [[*step, {"prompt": prompt, "answer": False, "reason": "the family declined"}]])
        assert "the family declined" in unanswered.kept[-1].body
        assert carriers(row, table) & set(unanswered.entries[-1].cites)
        answered = office.after(life, [[*step, {"prompt": prompt, "answer": True}]])
        assert prompt not in dict(view.open_prompts(answered.case))


def check_life(office: Office, row: str, table: Table) -> None:
    """After `life` the case is as `then` says."""
    before, life = with_last(office, table)
    expect(life, table["then"], len(before.effects))


def check_author(office: Office, row: str, table: Table) -> None:
    """What a `form` or `part` table says of a form, complete as it is there: a role in `wrong` does not write it."""
    life, form = office.live(table["life"]), table["form"]
    contents = office.procedure.form[form].contents
    said = {"form": form, "contents": list(contents), "signed": True}
    for role in table["wrong"]:
        reason = office.refused(another(life), [None, role, "form_completed", said])
        assert "cannot be recorded as" in reason, reason
    assert office.after(life, [[None, table["by"], "form_completed", said]]).entries[-1].what == "form_completed"


KINDS: dict[str, Check] = {
    "limit": check_limit,
    "authorised": check_authorised,
    "refused": check_refused,
    "notice": check_notice,
    "meeting": check_meeting,
    "role": check_role,
    "form": check_form,
    "part": check_part,
    "prompt": check_prompt,
    "life": check_life,
}


def sides(row: str) -> Iterator[tuple[str, Table]]:
    """What is to be checked of a row, and the row that its rules cite.

    A table of the kind `same` says the same as the row in `as`, but for the kinds in `but`; the rules have to cite
    both rows, unless this one `rests_on` the other.
    """
    for table in TABLES[row]:
        if table["kind"] == "same":
            said_by = table["as"] if "rests_on" in table else row
            others = [other for _, other in sides(table["as"])]
            yield from ((said_by, other) for other in others if other["kind"] not in table.get("but", ()))
        else:
            yield row, table


@cache
def office_of(name: str) -> Office:
    return Office(loaded(name))


def check(row: str, of: Callable[[str], Office] = office_of) -> None:
    """Hold a row against the core."""
    for said_by, table in sides(row):
        KINDS[table["kind"]](of(table["procedure"]), said_by, table)
        if "wrong" in table and table["kind"] in ("form", "part"):
            check_author(of(table["procedure"]), said_by, table)


@pytest.mark.parametrize("row", [pytest.param(row, marks=pytest.mark.covers(row)) for row in TABLES])
def test_row(row: str) -> None:
    check(row)


def test_what_is_tried_on_every_duty_can_be_recorded() -> None:
    """What is refused everywhere meets nothing anywhere."""
    recorded: set[str] = set()
    for table in (table for row in TABLES for _, table in sides(row) if table["kind"] == "limit"):
        office = office_of(table["procedure"])
        recorded |= {name for name, _ in said_beside(office, with_last(office, table)[1], but=recorded)}
    assert recorded == BESIDE.keys()


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
        return Office(without(loaded(name), gone) if letter is None or letter in name.split("+") else loaded(name))

    return bare


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
    rows = {row}.union(*(carriers(row, table) for table in TABLES[row]))
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
        check(row, offices_without(letter, lambda its_part, its_key, _: (its_part, its_key) == (part, key)))


CODED = [(row, table["code"]) for row, tables in TABLES.items() for table in tables if "code" in table]


@pytest.mark.parametrize(("row", "code"), CODED)
def test_without_its_code_a_row_is_not_held(row: str, code: str, taken_away: Callable[[str], None]) -> None:
    taken_away(code)
    with pytest.raises(Exception):  # noqa: B017 a function that is missed may be missed in any way
        check(row, cache(lambda name: Office(loaded(name))))


# --- And no row is left out ---------------------------------------------------------------------------------------


def rows_of_the_catalogue() -> Iterator[str]:
    for kind, rows in CATALOGUE.items():
        if kind not in ("context", "scenario"):
            yield from rows


@pytest.mark.parametrize("letter", ["W", "P", "T", "M", "B"])
def test_every_prompt_and_every_role_that_a_row_names_is_held_by_a_table(letter: str) -> None:
    tables = [(row, table) for row in TABLES for _, table in sides(row) if letter in table["procedure"].split("+")]
    assert set(loaded(letter).prompt) <= {table["prompt"] for _, table in tables if table["kind"] == "prompt"}
    for role in loaded(letter).role.values():
        for row in (row for row in role.cites if row.startswith(f"R-{letter}-")):
            assert row in {row for row, table in tables if table["kind"] in ("role", "meeting", "authorised")}, row


def test_every_row_is_here_but_for_some_of_b() -> None:
    wanted = {row for row in rows_of_the_catalogue() if "B-" not in row}
    assert wanted - set(TABLES) - set(CONTEXT) == set()
    assert (set(TABLES) | set(CONTEXT)) - set(rows_of_the_catalogue()) == set()
    assert set(TABLES) & set(CONTEXT) == set()
