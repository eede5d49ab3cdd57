"""The referral: it opens the case, is screened, and a social worker is allocated. And the end: the case is closed."""

from collections.abc import Iterator
from typing import Literal

from pydantic import Field

from casework.calendar import last_second_of, local_date, spoken_date
from casework.ending import end_everything
from casework.facts import Opening
from casework.happening import begin, happened
from casework.messages import ANYONE, MANAGERS, Day, Id, Message, Reason, TeamName, Word, means, same_person
from casework.story import Child
from casework.telling import Telling
from casework.vocabulary import NEW_INFORMATION_RECEIVED, Circumstance, Event, Stage

REFERRAL_RECEIVED = Event("referral received", Stage.REFERRAL)
CONCERN_RAISED = Event("concern raised", Stage.REFERRAL)
SCREENING_DECIDED = Event("screening decided", Stage.REFERRAL, completes="referral")
HARM_SUSPECTED = Event("harm suspected at screening", Stage.REFERRAL)
HARM_NOT_SUSPECTED = Event("no significant harm suspected at screening", Stage.REFERRAL, completes="referral")
SOCIAL_WORKER_ALLOCATED = Event("social worker allocated", Stage.REFERRAL)
CASE_CLOSED = Event("case closed", Stage.CLOSING)
BIRTH_EXPECTED = Event("birth expected")


class ReferralReceived(Opening, stage=Stage.REFERRAL, sent_by=ANYONE):
    """A referral. It opens the case or, if the case is already open, is added as new information."""

    person: Id = Field(description="The child's id in your own system, never a name")
    date_of_birth: Day | None = Field(None, description="The date of birth, if the child is born")
    expected_date_of_birth: Day | None = Field(None, description="The expected date of birth, if not born yet")
    source: Literal[
        "individual", "education", "health", "housing", "local authority", "police", "court", "agency", "anonymous"
    ] = Field(description="Who made the referral")
    concern: tuple[Word, ...] = Field((), max_length=12, description="A kind of harm feared")
    circumstances: tuple[Circumstance, ...] = Field(
        (), max_length=16, description="A circumstance of the child or family"
    )
    team: TeamName | None = Field(None, description="The team that takes the case")

    def mistakes(self) -> Iterator[str]:
        if (self.date_of_birth is None) == (self.expected_date_of_birth is None):
            yield (
                "date_of_birth: give the date of birth or, if the child is not "
                "born yet, expected_date_of_birth. Give one of the two"
            )
        received = local_date(self.occurred_at)
        if self.date_of_birth and self.date_of_birth > received:
            yield (
                f"date_of_birth: {spoken_date(self.date_of_birth)} is after the referral. "
                "If the child is not born yet, give expected_date_of_birth instead"
            )
        if self.date_of_birth and (received - self.date_of_birth).days > 18 * 366:
            yield (
                f"date_of_birth: somebody born on {spoken_date(self.date_of_birth)} was an adult on "
                f"{spoken_date(received)}, the day of the referral. A child is under 18"
            )
        if self.expected_date_of_birth and abs((self.expected_date_of_birth - received).days) > 300:
            yield (
                f"expected_date_of_birth: {spoken_date(self.expected_date_of_birth)} "
                "is not within ten months of the referral"
            )


class NewInformationReceived(Message, stage=Stage.REFERRAL, sent_by=ANYONE):
    """New information on an open case that the child is suffering, or likely to suffer, significant harm."""

    concern: tuple[Word, ...] = Field((), max_length=12, description="A kind of harm feared")


class ScreeningDecided(Message, stage=Stage.REFERRAL):
    """The front door's decision whether significant harm, or the likelihood of it, is suspected."""

    harm_suspected: bool


class SocialWorkerAllocated(Message, stage=Stage.REFERRAL):
    """A social worker was allocated to the child."""

    social_worker: Id = Field(description="The id of the social worker, never a name")
    team: TeamName | None = None


class CaseClosed(Message, stage=Stage.CLOSING, sent_by=MANAGERS):
    """The case was closed. Everything on it must be finished first."""

    reason: Reason


@means(ReferralReceived)
def referral_received(telling: Telling, message: ReferralReceived) -> None:
    """Open the case; on a running case a further referral is new information (Q-03)."""
    if telling.story.child is not None:
        _further_referral(telling, telling.story.child, message)
        return
    child = Child(person=message.person, born=message.date_of_birth, expected=message.expected_date_of_birth)
    telling.change(opened_at=message.occurred_at, referral_open=True, child=child)
    telling.change(team=message.team, referred_by=message.source)
    telling.line(f"Referral received from {message.source}, on the procedure {telling.story.procedure.about.title}")
    happened(telling, REFERRAL_RECEIVED)
    happened(telling, CONCERN_RAISED)
    _birth_expected(telling, message)
    for circumstance in message.circumstances:
        begin(telling, circumstance)


def _further_referral(telling: Telling, child: Child, message: ReferralReceived) -> None:
    telling.refuse_if(
        not same_person(child.person, message.person),
        f"Case {telling.story.reference} is another child's. Refer this child under a reference of their own.",
    )
    if child.born is not None and message.date_of_birth not in (None, child.born):
        recorded = f"date_of_birth: {spoken_date(child.born)} is recorded for this child."
        telling.insist(True, f"{recorded} If that is wrong, correct it: s47 correct", "date_of_birth")
    telling.line(f"A further referral, from {message.source}: new information on this case")
    if child.born is None and message.expected_date_of_birth not in (None, child.expected):
        telling.change(child=child.changed(expected=message.expected_date_of_birth))
        _birth_expected(telling, message)
    _new_information(telling)


def _birth_expected(telling: Telling, message: ReferralReceived) -> None:
    """What is counted from the day of the birth counts from the day it is expected, as it is known at the time."""
    if message.expected_date_of_birth is not None:
        telling.line(f"The birth is expected on {spoken_date(message.expected_date_of_birth)}")
        happened(telling, BIRTH_EXPECTED, counts_from=last_second_of(message.expected_date_of_birth))


@means(NewInformationReceived)
def new_information_received(telling: Telling, message: NewInformationReceived) -> None:
    telling.line("New information received")
    _new_information(telling)


def _new_information(telling: Telling) -> None:
    """It stands in for a referral where the case is open (Q-03); while the referral itself is open, it adds to that."""
    if not telling.story.referral_open:
        happened(telling, NEW_INFORMATION_RECEIVED)
    happened(telling, CONCERN_RAISED)


@means(ScreeningDecided)
def screening_decided(telling: Telling, message: ScreeningDecided) -> None:
    telling.refuse_if(not telling.story.referral_open, "The referral has already been screened.")
    telling.line(f"Screening: significant harm {'suspected' if message.harm_suspected else 'not suspected'}")
    happened(telling, SCREENING_DECIDED)
    if message.harm_suspected:
        happened(telling, HARM_SUSPECTED)
    else:
        telling.close("referral")
        happened(telling, HARM_NOT_SUSPECTED)


@means(SocialWorkerAllocated)
def social_worker_allocated(telling: Telling, message: SocialWorkerAllocated) -> None:
    telling.change(allocated_to=message.social_worker, team=message.team or telling.story.team)
    telling.line(f"Allocated to {message.social_worker}")
    happened(telling, SOCIAL_WORKER_ALLOCATED)


@means(CaseClosed)
def case_closed(telling: Telling, message: CaseClosed) -> None:
    strands = telling.story.open_strands
    telling.refuse_if(strands, f"The case cannot be closed yet. First finish or end: {', '.join(strands)}.")
    end_everything(telling, "the case was closed")
    telling.line("The case was closed")
    happened(telling, CASE_CLOSED)
    telling.change(closed_at=message.occurred_at)
