"""Cases: filed once, judged by words, chased, contacted, closed."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from pitstop.base import clock, ids
from pitstop.base.ids import new_id
from pitstop.care import cases, clocks
from pitstop.care.cases import CaseRefused, CaseView, ChaseView, Judgement, judge
from pitstop.care.permissions import NotAllowed
from pitstop.care.staff_permissions import StaffNotAllowed
from pitstop.care.tables import Case, CaseStep, Vehicle
from pitstop.storage.database import Database
from pitstop.storage.events import Event
from tests.care.desk_help import add_agent, add_owner, outbox_size, pass_time, said, stop_time


@pytest.fixture(autouse=True)
def stopped_time(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    stop_time(monkeypatch)
    yield
    clock.set_offset(timedelta())


async def file(database: Database, text: str = "保养完还有异响", **more: object) -> CaseView:
    values: dict[str, object] = {"customer_id": "owner-1", "external_id": new_id(), **more}
    async with database.write() as session:
        return await cases.file_case(session, text=text, **values)  # type: ignore[arg-type]


async def chase(database: Database, message_id: str | None = None, **more: str) -> ChaseView:
    async with database.write() as session:
        return await cases.chase(session, "owner-1", message_id=message_id or new_id(), **more)


async def counted(database: Database, table: type[Case] | type[CaseStep]) -> int:
    async with database.read() as session:
        return int((await session.execute(select(func.count()).select_from(table))).scalar_one())


@pytest.mark.parametrize(
    ("text", "wish", "severity"),
    [
        ("再不解决我就打12315", None, "P1"),
        ("我要打１２３４５", None, "P1"),
        ("充电桩多扣了钱", "退一赔三", "P1"),
        ("已经请了律师", None, "P1"),
        ("找媒体曝光你们", None, "P1"),
        ("我要求退车", None, "P1"),
        ("车友准备群诉", None, "P1"),
        ("刹车有安全隐患", None, "P1"),
        ("我電話找媒體", None, "P1"),
        ("车机多媒体黑屏", None, "P2"),
        ("儿童安全座椅接口坏了", None, "P2"),
        ("我的电话是13812345678，一直没人联系", None, "P2"),
        ("保养完还有异响", None, "P2"),
        ("等得有点久", None, "P3"),
        ("等得有点久，我找律师", None, "P1"),
    ],
)
def test_severity_is_judged_by_words(text: str, wish: str | None, severity: str) -> None:
    assert judge(text, wish).severity == severity


@pytest.mark.parametrize(
    ("text", "category"),
    [
        ("换电站排队两小时", "charging_swap"),
        ("保养完底盘异响", "quality"),
        ("重复扣费要求退款", "fees"),
        ("发票一直没开出来", "points_invoice"),
        ("车机升级以后死机", "software"),
        ("说好月底提车又延期交付", "delivery"),
        ("销售当时承诺的没兑现", "sales"),
        ("客服态度太差", "service"),
        ("不高兴", "other"),
    ],
)
def test_category_is_judged_by_words(text: str, category: str) -> None:
    assert judge(text).category == category


@pytest.mark.parametrize(("text", "hours"), [("保养完还有异响", 24), ("我要找律师", 2)])
async def test_first_contact_is_promised_and_timed(
    database: Database, text: str, hours: int
) -> None:
    await add_owner(database)
    case = await file(database, text)
    assert case.respond_by - case.created_at == timedelta(hours=hours)
    assert case.next_at == case.respond_by
    assert case.number.startswith("TS")
    async with database.read() as session:
        timed = (await clocks.of_subjects(session, [case.id]))[case.id]["contact"]
    assert (timed.due_at, timed.status) == (case.respond_by, "running")


async def test_the_same_case_is_filed_once(database: Database) -> None:
    await add_owner(database)
    filed = await asyncio.gather(*(file(database, external_id="m-1:0") for _ in range(4)))
    assert len({case.number for case in filed}) == 1
    assert await counted(database, Case) == 1
    assert await counted(database, CaseStep) == 1
    elsewhere = await file(database, external_id="m-1:0", source="partner")
    assert elsewhere.number != filed[0].number


async def test_a_number_that_is_taken_is_not_given_twice(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    await add_owner(database)
    tails = iter("AAAAAAAABBBB")
    monkeypatch.setattr(ids.secrets, "choice", lambda _: next(tails))
    first, second = await file(database), await file(database)
    assert (first.number[-4:], second.number[-4:]) == ("AAAA", "BBBB")


async def test_a_judgement_that_is_given_stands(database: Database) -> None:
    case = await file(database, customer_id=None, source="partner", judged=Judgement("sales", "P3"))
    assert (case.category, case.severity) == ("sales", "P3")


async def test_text_and_contact_are_masked_for_pages(database: Database) -> None:
    await add_owner(database)
    case = await file(database, "电话13812345678没人回", wish="打13812345678给我")
    assert cases.case_wire(case)["text"] == "电话13812345678没人回"
    shown = cases.case_wire(case, masked=True)
    assert "13812345678" not in str(shown)


async def test_nobody_complains_about_a_strangers_car(database: Database) -> None:
    await add_owner(database)
    async with database.write() as session:
        session.add(
            Vehicle(
                id="car-2", plate="沪A00002", plate_index="p2", vin="V", vin_index="v2",
                model="YS6", pack_kwh=75,
            )
        )  # fmt: skip
    with pytest.raises(NotAllowed):
        await file(database, vehicle_id="car-2")
    assert await counted(database, Case) == 0


async def test_a_chase_names_the_case_the_last_step_and_the_next_time(database: Database) -> None:
    await add_owner(database)
    case = await file(database)
    pass_time(hours=3)
    chased = await chase(database)
    assert chased.case.number == case.number
    assert (chased.last_step, chased.chases, chased.escalated) == ("filed", 1, False)
    assert chased.next_at == case.respond_by
    assert chased.case.severity == "P2"


async def test_the_second_chase_escalates(database: Database) -> None:
    await add_owner(database)
    case = await file(database)
    pass_time(hours=1)
    await chase(database)
    second = await chase(database)
    assert (second.chases, second.escalated, second.case.severity) == (2, True, "P1")
    assert second.next_at <= clock.now() + timedelta(hours=2)
    assert second.next_at == second.case.respond_by < case.respond_by
    async with database.read() as session:
        timed = (await clocks.of_subjects(session, [case.id]))[case.id]["contact"]
        events = await session.execute(select(func.count()).where(Event.kind == "case.escalated"))
        assert events.scalar_one() == 1
    assert timed.due_at == second.case.respond_by
    third = await chase(database)
    assert (third.chases, third.case.severity) == (3, "P1")


async def test_the_same_chase_counts_once(database: Database) -> None:
    await add_owner(database)
    await file(database)
    first = await chase(database, "m-1")
    again = await chase(database, "m-1")
    assert first == again
    assert again.chases == 1


async def test_a_chase_after_the_promised_time_promises_one_that_lies_ahead(
    database: Database,
) -> None:
    await add_owner(database)
    case = await file(database)
    pass_time(hours=25)
    async with database.write() as session:
        assert [late.subject for late in await clocks.sweep(session)] == [case.id]
    chased = await chase(database)
    assert chased.next_at > clock.now()
    async with database.read() as session:
        stored = await session.get(Case, case.id)
        assert stored is not None and stored.next_at == chased.next_at


async def test_only_ones_own_open_cases_can_be_chased(database: Database) -> None:
    await add_owner(database)
    await add_owner(database, "owner-2")
    other = await file(database, customer_id="owner-2")
    with pytest.raises(LookupError):
        await chase(database)
    with pytest.raises(LookupError):
        await chase(database, case_id=other.id)
    async with database.read() as session:
        assert (await cases.open_cases(session, "owner-2"))[0].chases == 0


async def test_a_complaint_can_be_finished_and_the_owner_is_told(database: Database) -> None:
    agent = await add_agent(database)
    await add_owner(database)
    case = await file(database)
    pass_time(hours=1)
    async with database.write() as session:
        contacted = await cases.contact(session, agent, case.id, note="电话里约了周三")
    assert (contacted.status, contacted.responded_at is not None) == ("contacted", True)
    assert contacted.next_at > clock.now()
    async with database.write() as session:
        closed = await cases.close(session, agent, case.id, result="已免费返修")
    assert (closed.status, closed.result) == ("closed", "已免费返修")
    lines = await said(database)
    assert [line["sender"] for line in lines] == ["system", "system"]
    assert all(case.number in line["text"] for line in lines)
    assert "已免费返修" in lines[1]["text"]
    assert await outbox_size(database) == 2
    async with database.read() as session:
        timed = (await clocks.of_subjects(session, [case.id]))[case.id]["contact"]
        steps = [step.step for step in await cases.steps_of(session, case.id)]
        assert await cases.open_cases(session, "owner-1") == []
    assert timed.status == "met"
    assert steps == ["filed", "contacted", "closed"]


async def test_a_late_contact_counts_as_breached(database: Database) -> None:
    agent = await add_agent(database)
    await add_owner(database)
    case = await file(database)
    pass_time(hours=24, seconds=1)
    async with database.write() as session:
        await cases.contact(session, agent, case.id)
    async with database.read() as session:
        timed = (await clocks.of_subjects(session, [case.id]))[case.id]["contact"]
    assert timed.status == "breached"


async def test_no_case_ends_without_a_word_to_the_owner_or_without_a_result(
    database: Database,
) -> None:
    agent = await add_agent(database)
    editor = await add_agent(database, "fang", "editor")
    await add_owner(database)
    case = await file(database)
    with pytest.raises(CaseRefused, match="not_contacted"):
        async with database.write() as session:
            await cases.close(session, agent, case.id, result="好了")
    with pytest.raises(CaseRefused, match="empty_result"):
        async with database.write() as session:
            await cases.close(session, agent, case.id, result=" ")
    with pytest.raises(StaffNotAllowed):
        async with database.write() as session:
            await cases.contact(session, editor, case.id)
    async with database.read() as session:
        assert (await cases.find(session, case.id)).status == "open"
    assert await counted(database, CaseStep) == 1


async def test_a_closed_case_stays_closed(database: Database) -> None:
    agent = await add_agent(database)
    await add_owner(database)
    case = await file(database)
    async with database.write() as session:
        await cases.contact(session, agent, case.id)
    for _ in range(2):
        async with database.write() as session:
            await cases.close(session, agent, case.id, result="已返修")
    before = len(await said(database))
    with pytest.raises(CaseRefused, match="closed"):
        async with database.write() as session:
            await cases.close(session, agent, case.id, result="另一个结果")
    with pytest.raises(CaseRefused, match="closed"):
        async with database.write() as session:
            await cases.contact(session, agent, case.id)
    with pytest.raises(LookupError):
        await chase(database)
    assert len(await said(database)) == before == 2
