"""How strands and cases end without being completed: called off, moved to another authority, opened in error.

Each has a reason, and an effect on its own clocks only. That the child turns 18 is no message: the calendar brings it
(`casework.lapse`). For what should never have been recorded there is `recorded_in_error`.
"""

from collections.abc import Iterator
from typing import Literal

from pydantic import Field

from casework import deadlines, requests
from casework.calendar import local_date
from casework.ending import end_everything
from casework.happening import begin, happened
from casework.messages import MANAGERS, PRACTITIONERS, Day, Id, Message, Reason, Ref, Word, means
from casework.stages.plan import PLAN_ENDED
from casework.stages.referral import CASE_CLOSED
from casework.story import Conference, Deadline
from casework.telling import Telling
from casework.vocabulary import Circumstance, Event

STRAND_ENDED = Event("strand ended without being completed")
CASE_TRANSFERRED = Event("case accepted by another authority")
PLAN_RECEIVED = Event("plan of another authority received")


class StrandEnded(Message, sent_by=MANAGERS):
    """Part of the case ended without being completed, such as a conference that was called off."""

    strand: Ref = Field(description="Which part: its name, such as conference-9, or what it is if only one is open")
    how: Literal["called off", "no longer needed", "moved to another authority", "recorded by mistake"]
    reason: Reason


class CaseEnded(Message, sent_by=MANAGERS):
    """The whole case ended without being completed: another authority accepted it, or it was opened in error."""

    how: Literal["accepted by another authority", "duplicate of another case", "opened in error"]
    other: Word | None = Field(None, description="The authority that accepted it, or the reference of the other case")
    accepted_in_writing_on: Day | None = Field(None, description="The day the other authority accepted in writing")
    reason: Reason

    def mistakes(self) -> Iterator[str]:
        if self.how != "opened in error" and not self.other:
            yield "other: name the authority that accepted the case, or the reference of the other case"
        if self.how == "accepted by another authority" and self.accepted_in_writing_on is None:
            yield (
                "accepted_in_writing_on: give the day on which the other authority "
                "accepted in writing. Until then the case stays here"
            )
        if self.accepted_in_writing_on and self.accepted_in_writing_on > local_date(self.occurred_at):
            yield "accepted_in_writing_on: this is after the case ended. The case ends once they have accepted"


class PlanReceived(Message, sent_by=PRACTITIONERS):
    """A child on another authority's plan moved in and we accepted the case. A conference must be held here."""

    authority: Word = Field(description="The authority whose plan it is")
    accepted_in_writing_on: Day = Field(description="The day on which we accepted in writing")
    reference: Id | None = Field(None, description="That authority's reference")


@means(StrandEnded)
def strand_ended(telling: Telling, message: StrandEnded) -> None:
    """End one strand, and the clocks that are its own."""
    strand = named_strand(telling, message.strand)
    words = telling.story.strands[strand]
    telling.line(f"The {words} ({strand}) ended without being completed: {message.how}. The reason is in the record")
    _end_clocks(telling, strand, f"{words}: {message.how}")
    for request in telling.story.waiting_requests:
        if request.about == strand:
            requests.withdraw(telling, request, f"{words}: {message.how}")
    telling.close(strand)
    kind = strand.partition("-")[0]
    if kind == "enquiry":
        telling.change(last_enquiry=strand)
    happened(telling, STRAND_ENDED, scope=strand)
    if kind == "plan":
        happened(telling, PLAN_ENDED, scope=strand)


def named_strand(telling: Telling, named: str) -> str:
    """The open strand that is called so; or the only one that is of that kind."""
    strands = telling.story.strands
    if named in strands:
        return named
    alike = [strand for strand, words in strands.items() if words.casefold() == named.strip().casefold()]
    there_are = ", ".join(f"{strand} ({words})" for strand, words in strands.items()) or "none"
    telling.refuse_if(
        len(alike) != 1, f"strand: nothing called {named!r} is open. These are open: {there_are}.", "strand"
    )
    return alike[0]


def _end_clocks(telling: Telling, strand: str, because: str) -> None:
    kind = strand.partition("-")[0]
    completed_by = {event for event in Event.every.values() if event.completes == kind}
    for deadline in telling.story.owed:
        if _belongs_to(telling, deadline, strand, completed_by):
            deadlines.end(telling, deadline, because)


def _belongs_to(telling: Telling, deadline: Deadline, strand: str, completed_by: set[Event]) -> bool:
    """Whether a clock is this strand's: it was started on it, or on one it came out of that is over; or, started on
    none, it is one that the strand's completion would have ended."""
    story = telling.story
    if deadline.scope is None:
        if strand == deadline.timescale == "assessment":
            return True
        rule = telling.rules.timescale.get(deadline.timescale)
        return rule is not None and bool(completed_by & {*rule.until, *rule.met_by})
    if deadline.scope == strand or strand in story.roots(deadline.scope):
        return True
    return deadline.scope in story.roots(strand) and deadline.scope not in story.strands


@means(CaseEnded)
def case_ended(telling: Telling, message: CaseEnded) -> None:
    """End everything that is open, and close the case."""
    other = f" ({message.other})" if message.other else ""
    telling.line(f"The case ended: {message.how}{other}. The reason is in the record")
    end_everything(telling, message.how)
    if message.how == "duplicate of another case" and message.other:
        telling.change(linked=(*telling.story.linked, message.other))
    if message.how == "accepted by another authority":
        happened(telling, CASE_TRANSFERRED)
    happened(telling, CASE_CLOSED)
    deadlines.end_all(telling, message.how)
    telling.change(closed_at=message.occurred_at)


@means(PlanReceived)
def plan_received(telling: Telling, message: PlanReceived) -> None:
    """Take over a child who is on another authority's plan: a conference here decides on a plan of ours."""
    telling.refuse_if(telling.story.plan, "The child is already on a child protection plan here.")
    telling.line(f"The child, on a plan of {message.authority}, moved in, and the case was accepted here")
    begin(telling, Circumstance.MOVED_IN)
    conference = telling.story.conference
    if conference is None:
        conference = Conference(id=telling.named("conference-"))
        telling.change(conference=conference, referral_open=False)
    happened(telling, PLAN_RECEIVED, scope=conference.id)
