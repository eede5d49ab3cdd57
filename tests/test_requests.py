"""Who is asked to authorise: the person whom whoever asks chooses, or anybody entitled."""

import pytest

from casework import decide
from casework.effects import Decided, Refused
from casework.incoming import read
from casework.messages import Message
from tests.postgres import Life


def _asked_of(life: Life, person: str) -> Decided | Refused:
    body = {"id": "ask-1", "occurred_at": life.now, "by": {"role": "assistant team manager", "person": "atm-1"}}
    message = read("strategy_requested", {**body, "ask": person})
    assert isinstance(message, Message)
    return decide.receive(life.case, message, life.now)


@pytest.mark.covers("PD-M-02")
def test_whoever_asks_may_choose_whom() -> None:
    life = Life().referred()
    asked = _asked_of(life, "tm-2")
    assert isinstance(asked, Decided)
    [request] = asked.case.waiting_requests
    assert request.assigned_to == "tm-2"
    body = {"id": "no", "occurred_at": life.now, "by": {"role": "team manager", "person": "tm-1"}}
    other = read("authorisation", {**body, "request": request.id, "decision": "authorise"})
    assert isinstance(other, Message)
    refused = decide.receive(asked.case, other, life.now)
    assert isinstance(refused, Refused) and "given to tm-2" in refused.reason


@pytest.mark.covers("PD-M-02")
def test_nobody_asks_themselves() -> None:
    refused = _asked_of(Life().referred(), "atm-1")
    assert isinstance(refused, Refused) and "nobody authorises their own" in refused.reason
