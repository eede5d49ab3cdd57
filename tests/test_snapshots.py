"""What a case is decided with comes along as a snapshot: decoded once in a process, and once proclaimed for all."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import ValidationError
from temporalio.api.common.v1 import Payload

from activities.basis import bank_holidays
from casework import decide
from casework.case import Case
from casework.procedure import Procedure
from casework.procedure_files import load
from casework.snapshots import shared
from connection.temporal import DATA_CONVERTER
from tests.office import Office, OneCase, start_temporal
from tests.postgres import fresh_database
from tests.record_histories import HISTORIES, history_in
from tests.test_replay import replay
from workflows.case import Carried, CaseStart
from workflows.outbox import Unsent

HOUR = timedelta(hours=1)
MANAGER = "team manager/tm-1"


def carried(case: Case) -> Payload:
    """What a run gets from the one before, by way of Temporal."""
    start = CaseStart(reference="R-1", procedure="P", carried=Carried(case=case, unsent=Unsent()))
    [sent] = DATA_CONVERTER.payload_converter.to_payloads([start])
    return sent


def procedure_in(payload: Payload) -> Procedure:
    """The procedure of the case that a run is handed."""
    [received] = DATA_CONVERTER.payload_converter.from_payloads([payload], [CaseStart])
    assert isinstance(received, CaseStart) and received.carried is not None
    return received.carried.case.procedure


def unreadable(payload: Payload) -> Payload:
    """The same, with rules that nobody can decode: whoever decodes them fails."""
    state = json.loads(payload.data)
    state["carried"]["case"]["procedure"]["rules"] = "not these again"
    return Payload(metadata=payload.metadata, data=json.dumps(state).encode())


def test_a_procedure_that_is_known_is_not_decoded_again() -> None:
    cases = [decide.unopened("R-1", 1, load(letter), bank_holidays()) for letter in ("P", "B")]
    sent = [carried(case) for case in cases]
    held = [procedure_in(payload) for payload in sent * 3] + [procedure_in(unreadable(payload)) for payload in sent]
    assert len({id(procedure) for procedure in held}) == 2
    for case, procedure in zip(cases * 4, held, strict=True):
        assert procedure == case.procedure and procedure.fingerprint == case.procedure.fingerprint
        assert shared(procedure) is procedure


async def test_cases_that_are_replayed_share_their_procedure() -> None:
    for name in ("continued-as-new-2", "continued-as-new-3"):
        history = history_in(HISTORIES / f"{name}.json")
        await replay(history)
        [sent] = history.events[0].workflow_execution_started_event_attributes.input.payloads
        sent.CopyFrom(unreadable(sent))
        await replay(history)


def test_rules_that_are_not_known_are_decoded() -> None:
    """Else the tests above could not fail."""
    state = json.loads(carried(decide.unopened("R-1", 1, load("P"), bank_holidays())).data)
    state["carried"]["case"]["procedure"] = {"fingerprint": "another", "rules": "not these again"}
    with pytest.raises(ValidationError):
        procedure_in(Payload(metadata={"encoding": b"json/plain"}, data=json.dumps(state).encode()))


def test_what_this_version_cannot_read_is_handed_on_to_one_that_can() -> None:
    case = decide.unopened("R-1", 1, load("P"), bank_holidays())
    state = json.loads(carried(case).data)
    rules = json.loads(state["carried"]["case"]["procedure"]["rules"])
    rules["acts"]["mediation"] = "social worker"
    rules["mediation"] = {"mediator": {"words": "within a week"}}
    later = {"fingerprint": "of-a-later-one", "rules": json.dumps(rules)}
    state["carried"]["case"]["procedure"] = later
    read = procedure_in(Payload(metadata={"encoding": b"json/plain"}, data=json.dumps(state).encode()))
    assert read.timescale == case.procedure.timescale and read.acts == case.procedure.acts
    handed_on = json.loads(carried(case.model_copy(update={"procedure": read})).data)
    assert handed_on["carried"]["case"]["procedure"] == later


@pytest.fixture
async def council(postgres_server: str, tmp_path: Path) -> AsyncIterator[Office]:
    """A council of its own: what it proclaims is proclaimed for all of its cases."""
    temporal = await start_temporal()
    async with fresh_database(postgres_server) as dsn:
        office = Office(temporal.client.service_client.config.target_host, dsn, tmp_path)
        with office.worker():
            yield office
    await temporal.shutdown()


async def conference_due(case: OneCase) -> date:
    [day] = [d.on for d in (await case.story()).deadlines.values() if d.timescale == "initial-conference"]
    assert day is not None
    return day


@pytest.mark.covers("Q-21")
async def test_a_proclaimed_bank_holiday_reaches_cases_opened_later(council: Office) -> None:
    now = datetime.now(UTC)
    usual = bank_holidays()
    day = next(
        day for day in (now.date() + timedelta(days=ahead) for ahead in range(3, 20)) if usual.is_working_day(day)
    )
    async with council.records() as records:
        first = await council.case("FIRST")
        await first.enquired(HOUR)
        before = await conference_due(first)
        await first.tell("bank_holiday_proclaimed", MANAGER, day=str(day))
        moved = await conference_due(first)
        assert moved > before
        await first.recorded(records)

        second = await council.case("SECOND")
        await second.enquired(HOUR)
        assert await conference_due(second) == moved
        assert day in (await second.state()).bank_holidays.dates

        await second.tell("bank_holiday_withdrawn", MANAGER, day=str(day))
        assert await conference_due(second) == before
        await second.recorded(records)
        third = await council.case("THIRD")
        await third.enquired(HOUR)
        assert await conference_due(third) == before
        assert day not in (await third.state()).bank_holidays.dates
