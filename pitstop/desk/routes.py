"""The desk's API, route by route, with what each needs."""

from __future__ import annotations

from aiohttp import web

from pitstop.desk import attachments, cases, customers, handoffs, live, session
from pitstop.desk.session import guarded, unguarded

PREFIX = "/api/desk/"


def desk_routes() -> list[web.RouteDef]:
    """Return every route of ``/api/desk/`` that serves owners' handoffs and cases."""
    handoff = PREFIX + "handoffs/{id}"
    case = PREFIX + "cases/{id}"
    return [
        web.post(PREFIX + "login", unguarded(session.log_in)),
        web.get(PREFIX + "me", guarded(session.show_me)),
        web.post(PREFIX + "logout", guarded(session.log_out)),
        web.get(PREFIX + "staff", guarded(handoffs.staff, "see_queue")),
        web.get(PREFIX + "queue", guarded(handoffs.queue, "see_queue")),
        web.get(handoff, guarded(handoffs.detail, "see_queue")),
        web.post(handoff + "/accept", guarded(handoffs.accept, "accept")),
        web.post(handoff + "/reply", guarded(handoffs.reply, "reply")),
        web.post(handoff + "/note", guarded(handoffs.note, "note")),
        web.post(handoff + "/transfer", guarded(handoffs.transfer, "transfer")),
        web.post(handoff + "/return-to-bot", guarded(handoffs.return_to_bot, "end")),
        web.post(handoff + "/end", guarded(handoffs.end, "end")),
        web.post(handoff + "/reveal", guarded(customers.reveal, "reveal")),
        web.get(PREFIX + "attachments/{id}", guarded(attachments.show, "see_queue")),
        web.get(PREFIX + "cases", guarded(cases.listed, "see_cases")),
        web.get(case, guarded(cases.detail, "see_cases")),
        web.post(case + "/contact", guarded(cases.contact, "work_cases")),
        web.post(case + "/close", guarded(cases.close, "work_cases")),
        web.post(case + "/reveal", guarded(cases.reveal, "reveal")),
        web.post(PREFIX + "ws-ticket", guarded(live.ticket, "see_queue")),
        web.get(PREFIX + "ws", unguarded(live.connect)),
    ]


def setup(app: web.Application) -> None:
    """Add the desk to an app that has `DATABASE` and `BROADCAST` (whose `run` the app starts)."""
    app[session.THROTTLE] = session.Throttle()
    app.cleanup_ctx.append(live.run_live)
    # aiosignal and aiohttp 3.9 disagree about the type of a signal.
    app.on_shutdown.append(live.hang_up)  # type: ignore[arg-type]
    app.add_routes(desk_routes())
