"""The child and the other children: birth, death, the household, linked cases.

One workflow per child (Q-23). Other children are known here by their ids alone; each has a case of their own.
"""

from typing import Literal

from pydantic import Field

from casework import deadlines
from casework.calendar import local_date, spoken_date
from casework.ending import end_everything
from casework.happening import happened
from casework.messages import ANYONE, PRACTITIONERS, Day, Id, Message, means, same_person
from casework.story import HouseholdChild
from casework.telling import Telling
from casework.vocabulary import Event

HOUSEHOLD_CHILD_IDENTIFIED = Event("another child of the household identified")
CHILD_BORN = Event("child born")
CHILD_DIED = Event("child died")


class ChildBorn(Message):
    """The child was born. The duties to see the child begin."""

    date_of_birth: Day


class ChildDied(Message, sent_by=PRACTITIONERS):
    """The child died. Everything due for this child ends, and other children must be considered."""

    abuse_or_neglect_suspected: bool
    other_children: bool = Field(description="Whether there are other children in the household")


class HouseholdChildIdentified(Message):
    """Another child of the household, of an alleged perpetrator's household, or elsewhere was considered."""

    person: Id = Field(description="That child's id in your own system, never a name")
    lives: Literal["same household", "household of an alleged perpetrator", "elsewhere"] = "same household"
    action_needed: bool = Field(description="Whether that child needs protection too")


class HouseholdChildSpokenTo(Message, sent_by=ANYONE):
    """The police or children's social care spoke directly to another child of the household."""

    person: Id


class CaseLinked(Message):
    """This case is linked with another child's case."""

    reference: Id = Field(description="The other case's reference")


@means(ChildBorn)
def child_born(telling: Telling, message: ChildBorn) -> None:
    """The child is born: what asks for seeing the child begins (Q-17)."""
    child = telling.story.child
    assert child is not None
    telling.insist(child.born, "The birth is already recorded. If the date is wrong, correct it: s47 correct")
    telling.insist(
        message.date_of_birth > local_date(message.occurred_at),
        f"date_of_birth: {spoken_date(message.date_of_birth)} is in the future. Record the birth once it has happened.",
        "date_of_birth",
    )
    telling.change(child=child.changed(born=message.date_of_birth))
    telling.line("The child was born", ("SP-B-17", "Q-17"))
    happened(telling, CHILD_BORN)


@means(ChildDied)
def child_died(telling: Telling, message: ChildDied) -> None:
    """What was to be done for this child ends (Q-18); a strategy discussion for the others is considered (SP-B-22)."""
    telling.line("The child died", ("Q-18",))
    end_everything(telling, "the child died")
    telling.change(died=True)
    happened(telling, CHILD_DIED)
    if message.other_children and message.abuse_or_neglect_suspected:
        duty = "Consider a strategy discussion for the other children of the household"
        owner, rows = telling.story.acting, ("SP-B-22", "Q-18")
        deadlines.open_case_set(telling, "others-considered", duty, owner, local_date(message.occurred_at), rows)


@means(HouseholdChildIdentified)
def household_child_identified(telling: Telling, message: HouseholdChildIdentified) -> None:
    """Another child was considered: the answer is recorded for each (D-B-04, SP-B-18)."""
    household = {child.person: child for child in telling.story.household}
    child = household.get(message.person) or HouseholdChild(person=message.person)
    lives_here = message.lives == "same household"
    household[message.person] = child.changed(considered=True, same_household=lives_here)
    telling.change(household=tuple(household.values()))
    needed = "they need protection too" if message.action_needed else "they need no action"
    telling.line(f"Another child of the household was considered: {needed}", ("D-B-04", "SP-B-18"))
    happened(telling, HOUSEHOLD_CHILD_IDENTIFIED)


@means(HouseholdChildSpokenTo)
def household_child_spoken_to(telling: Telling, message: HouseholdChildSpokenTo) -> None:
    household = telling.story.household
    meant = [child for child in household if same_person(child.person, message.person)]
    telling.refuse_if(
        not meant, "This child is not recorded in the household yet. First record: household_child_identified"
    )
    spoken_to = tuple(child.changed(spoken_to=True) if child in meant else child for child in household)
    telling.change(household=spoken_to)
    telling.line("Another child of the household was spoken to directly", ("SP-B-18",))


@means(CaseLinked)
def case_linked(telling: Telling, message: CaseLinked) -> None:
    telling.refuse_if(message.reference == telling.story.reference, "A case cannot be linked with itself.")
    telling.insist(message.reference in telling.story.linked, f"Case {message.reference} is already linked.")
    telling.change(linked=(*telling.story.linked, message.reference))
    telling.line(f"Linked with case {message.reference}", ("Q-23",))
