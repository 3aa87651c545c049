"""Cases over HTTP: a complaint from the list to the result that the owner is told."""

from __future__ import annotations

from sqlalchemy import select

from pitstop.care import cases
from pitstop.care.tables import AuditEntry
from pitstop.storage.database import Database
from tests.care.desk_help import said
from tests.desk.conftest import Desk, SignIn


async def file(database: Database, external_id: str = "e-1", **more: str) -> str:
    async with database.write() as session:
        filed = await cases.file_case(
            session,
            text="保养完还有异响，电话13912345678",
            contact="13912345678",
            external_id=external_id,
            **{"customer_id": "owner-1", **more},  # type: ignore[arg-type]
        )
    return filed.id


async def test_a_complaint_is_finished_and_the_owner_told(agent: Desk, database: Database) -> None:
    case_id = await file(database)
    listed = (await agent.get("cases"))["cases"]
    assert [(c["id"], c["status"], c["customer"]) for c in listed] == [
        (case_id, "open", {"id": "owner-1", "name": "陈静"})
    ]
    assert listed[0]["sla"]["contact"]["status"] == "running"
    assert "13912345678" not in str(listed)
    refused = await agent.post(f"cases/{case_id}/close", {"result": "好了"}, 409)
    assert refused["error"]["code"] == "not_contacted"
    contacted = await agent.post(f"cases/{case_id}/contact", {"note": "约了周三"})
    assert (contacted["status"], contacted["sla"]["contact"]["status"]) == ("contacted", "met")
    closed = await agent.post(f"cases/{case_id}/close", {"result": "已免费返修"})
    assert (closed["status"], closed["result"]) == ("closed", "已免费返修")
    assert (await agent.get("cases"))["cases"] == []
    assert [c["id"] for c in (await agent.get("cases?state=closed"))["cases"]] == [case_id]
    steps = (await agent.get(f"cases/{case_id}"))["steps"]
    assert [(step["step"], step["note"]) for step in steps] == [
        ("filed", None),
        ("contacted", "约了周三"),
        ("closed", "已免费返修"),
    ]
    assert "已免费返修" in (await said(database))[-1]["text"]


async def test_a_page_that_sends_no_note_is_understood(agent: Desk, database: Database) -> None:
    case_id = await file(database)
    assert (await agent.post(f"cases/{case_id}/contact", {"note": None}))["status"] == "contacted"
    assert (await agent.post(f"cases/{case_id}/contact"))["status"] == "contacted"
    assert len(await said(database)) == 1


async def test_a_case_without_a_known_customer_is_worked_too(
    agent: Desk, database: Database
) -> None:
    async with database.write() as session:
        filed = await cases.file_case(
            session, text="没人理", external_id="p-1", source="partner", contact="13700001111"
        )
    await agent.post(f"cases/{filed.id}/contact")
    closed = await agent.post(f"cases/{filed.id}/close", {"result": "已回电"})
    assert (closed["status"], closed["customer"]) == ("closed", None)


async def test_others_do_not_work_cases(sign_in: SignIn, database: Database) -> None:
    case_id = await file(database)
    for username in ("fang", "guan"):
        desk = await sign_in(username)
        await desk.post(f"cases/{case_id}/contact", {}, 403)
        await desk.post(f"cases/{case_id}/close", {"result": "x"}, 403)
        await desk.post(f"cases/{case_id}/reveal", {"field": "contact"}, 403)
    async with database.read() as session:
        assert (await cases.find(session, case_id)).status == "open"


async def test_how_to_reach_the_customer_is_revealed_and_logged(
    agent: Desk, database: Database
) -> None:
    case_id = await file(database)
    shown = await agent.post(f"cases/{case_id}/reveal", {"field": "contact"})
    assert shown == {"field": "contact", "value": "13912345678"}
    await agent.post(f"cases/{case_id}/reveal", {"field": "wish"}, 404)
    await agent.post(f"cases/{case_id}/reveal", {"field": "id"}, 400)
    async with database.read() as session:
        entries = await session.execute(select(AuditEntry).where(AuditEntry.action == "reveal"))
        assert [entry.subject for entry in entries.scalars()] == [case_id]
