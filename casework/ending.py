"""Everything that is open on a case ends at once: the child died or came of age, or the case goes elsewhere."""

from casework import deadlines, requests
from casework.telling import Telling


def end_everything(telling: Telling, because: str) -> None:
    """End every strand, every clock and every request that waits. What that means for the case is yet to be said."""
    deadlines.end_all(telling, because)
    requests.withdraw_all(telling, because)
    telling.change(
        referral_open=False,
        assessment=None,
        strategies=(),
        enquiry=None,
        conference=None,
        plan=None,
        missing=None,
    )
