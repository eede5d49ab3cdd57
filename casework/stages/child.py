"""The child and the other children: birth, death, the household, linked cases.

One workflow per child (Q-23). Other children are known here by their ids alone; each has a case of their own.
"""

from casework import deadlines, requests
from casework.case import HouseholdChild
from casework.facts import happened
from casework.messages import (
    CaseLinked,
    ChildBorn,
    ChildDied,
    HouseholdChildIdentified,
    HouseholdChildSpokenTo,
)
from casework.turn import Turn
from casework.vocabulary import Event


def child_born(turn: Turn, message: ChildBorn) -> None:
    """The child is born: what asks for seeing the child begins (Q-17)."""
    child = turn.case.child
    assert child is not None
    turn.refuse_if(child.born, "The child is recorded as born already.")
    turn.refuse_if(
        message.date_of_birth > message.occurred_at.date(), f"date_of_birth: {message.date_of_birth} is yet to come."
    )
    turn.change(child=child.model_copy(update={"born": message.date_of_birth}))
    turn.entry("The child was born", ("SP-B-17", "Q-17"))
    happened(turn, Event.CHILD_BORN)


def child_died(turn: Turn, message: ChildDied) -> None:
    """What was to be done for this child ends (Q-18); a strategy discussion for the others is considered (SP-B-22)."""
    turn.entry("The child died", ("Q-18",))
    for deadline in [one for one in turn.case.deadlines.values() if one.closed_at is None]:
        deadlines.cancel(turn, deadline, "the child died")
    requests.withdraw_all(turn, "the child died")
    turn.change(
        referral_open=False, assessment=None, strategies=(), enquiry=None, conference=None, plan=None, missing=None
    )
    happened(turn, Event.CHILD_DIED)
    if message.other_children and message.abuse_or_neglect_suspected:
        manager = turn.case.procedure.acts[turn.case.stage]
        deadlines.open_case_set(
            turn,
            "others-considered",
            "Consider a strategy discussion for the other children of the household",
            manager,
            message.occurred_at,
            ("SP-B-22", "Q-18"),
        )


def household_child_identified(turn: Turn, message: HouseholdChildIdentified) -> None:
    """Another child was considered: the answer is recorded for each (D-B-04, SP-B-18)."""
    known = {child.person: child for child in turn.case.household}
    child = known.get(message.person) or HouseholdChild(person=message.person)
    considered = {"considered": True, "same_household": message.lives == "same household"}
    known[message.person] = child.model_copy(update=considered)
    turn.change(household=tuple(known.values()))
    needed = "action is needed for them too" if message.action_needed else "no action is needed"
    turn.entry(f"Another child of the household was considered: {needed}", ("D-B-04", "SP-B-18"))
    happened(turn, Event.HOUSEHOLD_CHILD_IDENTIFIED)


def household_child_spoken_to(turn: Turn, message: HouseholdChildSpokenTo) -> None:
    """Another child of the household was directly communicated with."""
    found = [child for child in turn.case.household if child.person == message.person]
    turn.refuse_if(not found, "No such child of the household is recorded; identify them first.")
    turn.change(
        household=tuple(
            child.model_copy(update={"spoken_to": True}) if child.person == message.person else child
            for child in turn.case.household
        )
    )
    turn.entry("Another child of the household was communicated with directly", ("SP-B-18",))


def case_linked(turn: Turn, message: CaseLinked) -> None:
    """This case and another child's belong together."""
    turn.refuse_if(message.reference == turn.case.reference, "A case cannot be linked with itself.")
    turn.refuse_if(message.reference in turn.case.linked, f"Case {message.reference} is linked already.")
    turn.change(linked=(*turn.case.linked, message.reference))
    turn.entry(f"Linked with case {message.reference}", ("Q-23",))
