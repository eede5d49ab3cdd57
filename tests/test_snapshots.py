"""What a case is decided with comes along as a snapshot: decoded once in a process, and once proclaimed for all."""

from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from activities.basis import bank_holidays
from casework import decide
from casework import procedure as procedures
from casework.case import Case
from casework.procedure import Procedure, shared
from casework.procedure_files import load
from connection.temporal import DATA_CONVERTER
from tests.office import Office, OneCase, start_temporal
from tests.postgres import fresh_database
from tests.record_histories import HISTORIES, history_in
from tests.test_replay import replay
from workflows.case import Carried, CaseStart
from workflows.outbox import Unsent

HOUR = timedelta(hours=1)
MANAGER = "team manager/tm-1"


def carried(case: Case) -> CaseStart:
    """What a run gets from the one before, by way of Temporal."""
    start = CaseStart(reference="R-1", procedure="P", carried=Carried(case=case, unsent=Unsent()))
    converter = DATA_CONVERTER.payload_converter
    [received] = converter.from_payloads(converter.to_payloads([start]), [CaseStart])
    assert isinstance(received, CaseStart) and received.carried is not None
    return received


@pytest.fixture
def decodings(monkeypatch: pytest.MonkeyPatch) -> "Counter[str]":
    """How often each procedure was decoded, in a process that knows none yet."""
    found: Counter[str] = Counter()
    really = procedures.leniently

    def leniently(rules: dict[str, Any]) -> Procedure:
        procedure = really(rules)
        found[procedure.about.key] += 1
        return procedure

    monkeypatch.setattr(procedures, "leniently", leniently)
    monkeypatch.setattr(procedures, "_SHARED", {})
    return found


def test_two_procedures_are_decoded_once_each(decodings: "Counter[str]") -> None:
    cases = [decide.unopened("R-1", 1, load(letter), bank_holidays()) for letter in ("P", "B")]
    procedures._SHARED.clear()
    received = [carried(case).carried for case in cases * 5]
    held = [one.case.procedure for one in received if one is not None]
    assert decodings == {"process-map": 1, "pan-bedfordshire": 1}
    assert len({id(one) for one in held}) == 2
    for case, one in zip(cases * 5, held, strict=True):
        assert one == case.procedure and one.fingerprint == case.procedure.fingerprint
        assert shared(one) is one


async def test_cases_that_are_replayed_share_their_procedure(decodings: "Counter[str]") -> None:
    for name in ("continued-as-new-2", "continued-as-new-3", "reopened-2", "corrected-1", "corrected-2"):
        await replay(history_in(HISTORIES / f"{name}.json"))
    assert decodings == {"process-map": 1, "pan-bedfordshire": 1}


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
    [found] = [d.on for d in (await case.story()).deadlines.values() if d.timescale == "initial-conference"]
    assert found is not None
    return found


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
