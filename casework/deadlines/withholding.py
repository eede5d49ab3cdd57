"""What is kept from the family for a while is withheld, not overdue (Q-20); released, it is owed again."""

from casework.procedure import Timescale
from casework.story import DeadlineState, Story
from casework.telling import Telling


def kept_back(story: Story, rule: Timescale) -> str | None:
    """The ground on which what a rule asks for is kept from the family at present; None where it is not."""
    if story.withholding is None or not rule.withheld_with_information:
        return None
    ground = story.withholding.ground
    return ground.value if not rule.withheld_on or ground in rule.withheld_on else None


def withhold(telling: Telling) -> None:
    """Suspend what must be shared with the family (Q-20): withheld on a recorded ground, not overdue."""
    for deadline in telling.story.owed:
        rule = telling.rules.timescale.get(deadline.timescale)
        if deadline.running and rule and (ground := kept_back(telling.story, rule)):
            telling.put_deadline(deadline.changed(state=DeadlineState.WITHHELD, because=ground))


def release(telling: Telling) -> None:
    """What was withheld is owed again; what has become late meanwhile is overdue at once."""
    for deadline in telling.story.owed:
        if deadline.state is DeadlineState.WITHHELD:
            telling.put_deadline(deadline.changed(state=DeadlineState.OPEN, because=None))
