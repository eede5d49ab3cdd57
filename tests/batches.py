"""Batches of effects as the workflow hands them to the records, written by hand: no case decides anything here.

PYTEST_DONT_REWRITE: it is imported by name too, before pytest comes to its assertions.
"""

import json
from datetime import UTC, date, datetime, timedelta
from typing import Any

from activities.database import Database
from activities.records import Records
from casework import decide
from casework.batch import Batch, Front, batch_of
from casework.case import Case
from casework.decide import Decided
from casework.effects import Entry, HolidayChanged, Kept, Notice, NoticeKind
from casework.incoming import read
from casework.messages import Message
from casework.story import Deadline, DeadlineState, Request, RequestState
from casework.vocabulary import Stage, Subject
from connection.temporal import DATA_CONVERTER

NINE = datetime(2026, 4, 1, 8, tzinfo=UTC)
"""Wednesday 1 April 2026, nine in the morning in London."""

DAY = timedelta(days=1)


class CaseRecord:
    """What was told of a case, gathered into batches. Every method that adds something gives the same case back."""

    def __init__(self, reference: str = "R-1", episode: int = 1, *, began: datetime = NINE, **front: Any) -> None:
        self.now = began
        self.front = Front(
            reference=reference,
            episode=episode,
            **{
                "procedure": "process-map",
                "procedure_fingerprint": "0123456789ab",
                "opened_with": "0123456789ab",
                "calendar": "holidays 1 GB-ENG 2006-2045",
                "person": f"child-of-{reference}",
                "team": "North",
                "allocated_to": None,
                "allocated_role": None,
                "stage": Stage.REFERRAL,
                "opened_at": began,
                "closed_at": None,
                "next_due": None,
                "overdue": (),
                "waiting_for": ("assistant team manager",),
                **front,
            },
        )
        self.kept: list[Kept] = []
        self.entries: list[Entry] = []
        self.notices: list[Notice] = []
        self._of_the_batch: dict[str, Any] = {}
        self._batches = 0
        self._facts = 0
        self._written = [0, 0, 0]

    def message(
        self, name: str, role: str, person: str, /, *, after: timedelta = timedelta(), **body: Any
    ) -> "CaseRecord":
        """A message that was accepted, and a line of the chronology about it."""
        self.now += after
        self._facts += 1
        self._keep(name, role, person, body, fact=self._facts)
        return self.line(f"{name.replace('_', ' ').capitalize()}", by=f"{role} {person}", what=name, fact=self._facts)

    def refused(self, reason: str, name: str, role: str | None, person: str | None, /, **body: Any) -> "CaseRecord":
        """A message that was refused, and a line about that."""
        self._keep(name, role, person, body, refused=reason)
        return self.line(f"Refused: {reason}", by=f"{role} {person}", what=name)

    def line(self, text: str, *, by: str = "S47", what: str = "time passed", fact: int | None = None) -> "CaseRecord":
        """A line of the chronology."""
        self.entries.append(
            Entry(
                number=len(self.entries) + 1,
                fact=fact,
                recorded_at=self.now,
                occurred_at=self.now,
                by=by,
                what=what,
                text=text,
                cites=("P-01", "P-02"),
            )
        )
        return self

    def notice(self, kind: NoticeKind, to: str, text: str, **more: Any) -> "CaseRecord":
        """Somebody is told something."""
        front = self.front
        id_ = f"{front.reference}.{front.episode}.{len(self.notices) + 1}"
        self.notices.append(Notice(id=id_, kind=kind, to=to, text=text, at=self.now, **more))
        return self

    def deadline(self, id_: str, owner: str, due: datetime | None, **more: Any) -> "CaseRecord":
        """A deadline as it now stands."""
        deadline = Deadline(
            **{
                "id": id_,
                "timescale": id_.rpartition("-")[0],
                "cites": ("P-03",),
                "duty": f"Do {id_}",
                "owner": owner,
                "scope": None,
                "opened_at": NINE,
                "counted_from": NINE,
                "counted_from_event": None,
                "due": due,
                "on": None,
                "calendar": "holidays 1 GB-ENG 2006-2045",
                **more,
            }
        )
        self._of_the_batch.setdefault("deadlines", {})[id_] = deadline
        return self

    def met(self, id_: str, owner: str, due: datetime | None) -> "CaseRecord":
        """A deadline that was met now."""
        return self.deadline(id_, owner, due, state=DeadlineState.MET, met_at=self.now, closed_at=self.now)

    def request(self, id_: str, *to: str, **more: Any) -> "CaseRecord":
        """A request as it now stands."""
        request = Request(
            **{
                "id": id_,
                "subject": Subject.STRATEGY_DISCUSSION,
                "title": "Decide on a strategy discussion",
                "cites": ("P-04",),
                "to": to,
                "asked_by": "atm-1",
                "asked_by_role": "assistant team manager",
                "asked_at": self.now,
                "since": self.now,
                **more,
            }
        )
        self._of_the_batch.setdefault("requests", {})[id_] = request
        return self

    def holiday(self, day: date, *, proclaimed: bool = True) -> "CaseRecord":
        """A bank holiday is proclaimed for the authority, or taken back."""
        self._of_the_batch.setdefault("holidays", {})[day] = HolidayChanged(day=day, proclaimed=proclaimed)
        return self

    def referred(self, **body: Any) -> "CaseRecord":
        """A referral of a child of three."""
        return self.message(
            "referral_received",
            "police",
            "pc-1",
            person=self.front.person,
            date_of_birth="2023-02-03",
            source="police",
            **body,
        )

    def discussion_requested(self) -> "CaseRecord":
        """The assistant team manager asks the team manager for a strategy discussion."""
        self.message("strategy_requested", "assistant team manager", "atm-1", after=timedelta(minutes=30))
        self.request("request-1", "team manager").becomes(stage=Stage.STRATEGY, waiting_for=("team manager",))
        text = "Waiting for you: Decide on a strategy discussion"
        return self.notice(NoticeKind.REQUEST, "team manager", text, request="request-1")

    def enquired(self, social_worker: str = "sw-1") -> "CaseRecord":
        """Allocated, and a section 47 enquiry: the child is to be seen within 24 hours, a conference to be held."""
        self.message(
            "social_worker_allocated", "team manager", "tm-1", social_worker=social_worker
        ).discussion_requested()
        self.message("authorisation", "team manager", "tm-1", request="request-1", decision="authorise")
        self.request("request-1", "team manager", state=RequestState.AUTHORISED, decided_by="tm-1", decided_at=self.now)
        self.message("strategy_outcome", "team manager", "tm-1", after=timedelta(hours=1), decision="section 47")
        seen_by = self.now + DAY
        self.deadline("child-seen-1", "social worker", seen_by)
        self.deadline("arrangements-1", "conference service", None)
        self.deadline(
            "conference-1", "social worker", datetime(2026, 4, 24, 22, 59, 59, tzinfo=UTC), on=date(2026, 4, 24)
        )
        return self.becomes(
            stage=Stage.ENQUIRY,
            allocated_to=social_worker,
            allocated_role="social worker",
            waiting_for=("social worker", "conference service"),
            next_due=seen_by,
        )

    def missed(self, after: timedelta = 2 * DAY) -> "CaseRecord":
        """Time passes, and the child was not seen."""
        self.now += after
        due = self.front.next_due
        self.deadline("child-seen-1", "social worker", due, state=DeadlineState.OVERDUE, breached_at=due)
        self.line("Missed: see the child")
        self.notice(
            NoticeKind.OVERDUE, "social worker", "Overdue: see the child", person="sw-1", deadline="child-seen-1"
        )
        self.notice(NoticeKind.ESCALATION, "team manager", "Overdue: see the child", deadline="child-seen-1")
        return self.becomes(overdue=("child-seen",))

    def becomes(self, **changed: Any) -> "CaseRecord":
        """The front page of the case changes."""
        self.front = self.front.model_copy(update=changed)
        return self

    def batch(self, announced: str = "{}") -> Batch:
        """What was told since the last batch, as an activity receives it: turned into a payload and back."""
        self._batches += 1
        kept, entries, notices = self._written
        self._written = [len(self.kept), len(self.entries), len(self.notices)]
        states, self._of_the_batch = self._of_the_batch, {}
        batch = Batch(
            number=self._batches,
            at=datetime(2026, 4, 7, tzinfo=UTC) + timedelta(minutes=self._batches),
            front=self.front,
            announced=announced,
            kept=tuple(self.kept[kept:]),
            entries=tuple(self.entries[entries:]),
            notices=tuple(self.notices[notices:]),
            **{name: tuple(states.get(name, {}).values()) for name in ("holidays", "deadlines", "requests")},
        )
        converter = DATA_CONVERTER.payload_converter
        [received] = converter.from_payloads(converter.to_payloads([batch]), [Batch])
        assert isinstance(received, Batch)
        return received

    def _keep(self, name: str, role: str | None, person: str | None, body: dict[str, Any], **more: Any) -> None:
        number = len(self.kept) + 1
        whole = {
            "id": f"m-{number}",
            "occurred_at": self.now.isoformat(),
            "by": {"role": role, "person": person},
            **body,
        }
        self.kept.append(
            Kept(
                **{
                    "number": number,
                    "fact": None,
                    "recorded_at": self.now,
                    "occurred_at": self.now,
                    "name": name,
                    "message_id": f"m-{number}",
                    "person": person,
                    "role": role,
                    "body": json.dumps(whole),
                    "state": json.dumps({"digest": f"{name} {number}"}) if more.get("fact") else None,
                    **more,
                }
            )
        )


async def written_by_a_lost_task(
    before: Case, records: Database, sent: dict[str, Any], name: str = "new_information_received"
) -> None:
    """A worker writes a message into the record of this case, and is killed before Temporal hears of it."""
    message, now = read(name, sent), datetime.now(UTC)
    assert isinstance(message, Message)
    lost = decide.receive(before, message, now)
    assert isinstance(lost, Decided)
    async with records.connection() as connection:
        last = await connection.fetchval("SELECT batch FROM s47.case WHERE reference = $1", before.reference)
    await Records(records).record(batch_of(lost.case, lost.effects, lost.case.announced, last + 1, now))
