"""Everything that is open on a case ends at once: the child died or came of age, or the case goes elsewhere."""

from casework import deadlines, requests
from casework.telling import Telling


def end_everything(telling: Telling, because: str) -> None:
    """End every strand, every clock and every request that waits. What it means for the case is left to the caller."""
    deadlines.end_all(telling, because)
    for request in telling.story.waiting_requests:
        requests.withdraw(telling, request, because)
    for strand in telling.story.strands:
        telling.close(strand)
