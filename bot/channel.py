"""The channel between gateway and Rasa: strict, replayable, deaf to typed commands.

``POST /webhooks/pitstop/turn`` handles one message; only the gateway, which holds the token, may
call. `sender_id` is made here from conversation and epoch, never taken from outside.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import logging
from collections.abc import Awaitable, Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from rasa.core.agent import Agent
from rasa.core.channels.channel import CollectingOutputChannel, InputChannel, UserMessage
from rasa.core.lock_store import LockError
from rasa.core.processor import MessageProcessor
from rasa.shared.core.events import BotUttered, Event, SlotSet, UserUttered
from rasa.shared.core.trackers import DialogueStateTracker
from sanic import Blueprint, Sanic, response
from sanic.request import Request
from sanic.response import HTTPResponse

from bot.components.knowledge import use_follower
from bot.strict import StrictEndpoint, TurnAborted, make_strict, run_turn
from bot.tracker_store import EncryptedTrackerStore
from knowledge_base.follow import Follower
from pitstop.base.settings import settings
from pitstop.conversation import log
from pitstop.conversation.wire import Choice, Reply
from pitstop.language.encode import default_encoder
from pitstop.storage.database import Database
from pitstop.storage.demo_clock import follow_clock

logger = logging.getLogger(__name__)

LOCK_LIFETIME = 60.0
"""Seconds; longer than all actions of one turn may take together."""


class UnknownButton(Exception):
    """The button was not issued in this conversation."""


_WARM_UP = "warm-up"
"""Any text: what is understood of it does not matter."""


@dataclass(frozen=True)
class Turn:
    """One message to handle, as the gateway sends it."""

    conversation_id: str
    epoch: int
    message_id: str
    kind: str
    text: str | None
    button_id: str | None

    @property
    def sender_id(self) -> str:
        """Rasa's name for the conversation: a new epoch is a new tracker."""
        return f"{self.conversation_id}:{self.epoch}"

    @classmethod
    def from_json(cls, data: Any) -> Turn:
        """Read a request body; raises `ValueError` if something is missing."""
        try:
            return cls(
                conversation_id=str(data["conversation_id"]),
                epoch=int(data["epoch"]),
                message_id=str(data["message_id"]),
                kind=str(data["kind"]),
                text=None if data.get("text") is None else str(data["text"]),
                button_id=None if data.get("button_id") is None else str(data["button_id"]),
            )
        except (KeyError, TypeError) as error:
            raise ValueError("not a turn") from error


class PitstopChannel(InputChannel):
    """Rasa's side of the conversation."""

    def __init__(self) -> None:
        self._database: Database | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._follower: Follower | None = None
        self._warm: tuple[MessageProcessor, Future[dict[str, Any]]] | None = None
        # Understanding takes tens of milliseconds of processor time; one thread keeps the event
        # loop free, and the components, which are not written for several, to themselves.
        self._thinking = ThreadPoolExecutor(max_workers=1, thread_name_prefix="understand")

    @classmethod
    def name(cls) -> str:
        """Return the channel's name, which is part of its address."""
        return "pitstop"

    def blueprint(self, on_new_message: Callable[[UserMessage], Awaitable[Any]]) -> Blueprint:
        """Return the routes; Rasa's own handler `on_new_message` is not used."""
        blueprint = Blueprint("pitstop_webhook", "pitstop")

        # Sanic writes attributes on its handlers, which a bound method does not take.
        @blueprint.post("/turn")
        async def turn(request: Request) -> HTTPResponse:
            return await self._turn(request)

        @blueprint.get("/ready")
        async def ready(request: Request) -> HTTPResponse:
            return await self._ready(request)

        @blueprint.delete("/conversations/<conversation_id:str>")
        async def forget(request: Request, conversation_id: str) -> HTTPResponse:
            return await self._forget(request, conversation_id)

        @blueprint.listener("after_server_start")
        async def start(app: Sanic, loop: Any) -> None:
            await self._start()

        @blueprint.listener("before_server_stop")
        async def stop(app: Sanic, loop: Any) -> None:
            await self._stop()

        return blueprint

    async def _start(self) -> None:
        self._database = Database(settings().database_url)
        self._follower = Follower(self._database, default_encoder())
        use_follower(self._follower)
        self._tasks = [asyncio.create_task(self._follower.run())]
        if settings().demo:
            self._tasks.append(asyncio.create_task(follow_clock(self._database)))

    async def _stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._thinking.shutdown(wait=False)
        if self._database is not None:
            await self._database.close()

    # ---- requests -------------------------------------------------------------------------------

    async def _ready(self, request: Request) -> HTTPResponse:
        if not _authorised(request):
            return _error(401, "unauthorised")
        agent: Agent | None = getattr(request.app.ctx, "agent", None)
        index = self._follower.index if self._follower else None
        if agent is None or not agent.is_ready() or agent.processor is None or index is None:
            return _error(503, "not_ready")
        if not self._warmed(agent.processor):
            return _error(503, "warming_up")
        make_strict(agent.processor)
        if not isinstance(agent.processor.tracker_store, EncryptedTrackerStore):
            # Rasa falls back to memory without a word if it cannot load the store.
            return _error(503, "no_tracker_store")
        return response.json({"status": "ok", "model": agent.model_id, "knowledge": index.version})

    def _warmed(self, processor: MessageProcessor) -> bool:
        """Say whether a first message was understood; it takes many times as long as the others.

        Encoder, dictionary and pipeline load with it: no owner should wait for that. A model that
        is loaded anew is warmed anew.
        """
        if self._warm is None or self._warm[0] is not processor:
            work = self._thinking.submit(
                processor._parse_message_with_graph,
                UserMessage(_WARM_UP, sender_id=_WARM_UP),
                DialogueStateTracker.from_events(_WARM_UP, []),
            )
            self._warm = (processor, work)
        work = self._warm[1]
        if not work.done():
            return False
        work.result()
        return True

    async def _turn(self, request: Request) -> HTTPResponse:
        if not _authorised(request):
            return _error(401, "unauthorised")
        try:
            turn = Turn.from_json(request.json)
        except ValueError:
            return _error(400, "bad_request")
        agent: Agent | None = getattr(request.app.ctx, "agent", None)
        if agent is None or agent.processor is None:
            return _error(503, "not_ready")
        make_strict(agent.processor)
        try:
            replies = await self.handle(agent, turn)
        except UnknownButton:
            return _error(409, "unknown_button")
        except LockError:
            return _error(503, "busy")
        except TurnAborted as aborted:
            logger.warning("turn %s aborted: %s", turn.message_id, aborted.why)
            return _error(503, "action_failed")
        return response.json({"replies": [reply.to_json() for reply in replies]})

    async def _forget(self, request: Request, conversation_id: str) -> HTTPResponse:
        if not _authorised(request):
            return _error(401, "unauthorised")
        agent: Agent = request.app.ctx.agent
        make_strict(agent.processor)
        count = await agent.processor.tracker_store.forget(conversation_id)
        return response.json({"deleted": count})

    # ---- one turn -------------------------------------------------------------------------------

    async def handle(self, agent: Agent, turn: Turn) -> list[Reply]:
        """Handle a message once; a repeat gets what the first one got.

        Raises `TurnAborted` if an action failed (nothing is kept), `UnknownButton`, `LockError`.
        """
        processor = agent.processor
        async with agent.lock_store.lock(turn.sender_id, lock_lifetime=LOCK_LIFETIME):
            output = CollectingOutputChannel()
            tracker = await processor.fetch_tracker_and_update_session(turn.sender_id, output)
            earlier = answers_to(tracker, turn.message_id)
            if earlier is not None:
                return [_reply(event) for event in earlier]
            parse = await self._parse(processor, turn)
            metadata = {
                "conversation_id": turn.conversation_id,
                "message_id": turn.message_id,
                "epoch": turn.epoch,
                "kind": turn.kind,
            }
            tracker.update(
                UserUttered(
                    parse["text"],
                    parse["intent"],
                    parse["entities"],
                    parse,
                    input_channel=self.name(),
                    message_id=turn.message_id,
                    metadata=metadata,
                ),
                processor.domain,
            )
            _keep_wishes(tracker, parse, processor)
            await run_turn(processor, output, tracker)
            await processor.save_tracker(tracker)
            said = answers_to(tracker, turn.message_id) or []
            return [_reply(event) for event in said]

    async def _parse(self, processor: MessageProcessor, turn: Turn) -> dict[str, Any]:
        if turn.kind == "button":
            return await self._pressed(turn)
        if turn.kind != "text":
            # A picture, a voice note, a position: there is nothing to read in it.
            return _parsed(turn.kind, "", {})
        message = UserMessage(turn.text or "", sender_id=turn.sender_id)
        loop = asyncio.get_running_loop()
        parse: dict[str, Any] = await loop.run_in_executor(
            self._thinking,
            processor._parse_message_with_graph,
            message,
            DialogueStateTracker.from_events(turn.sender_id, []),
        )
        return parse

    async def _pressed(self, turn: Turn) -> dict[str, Any]:
        assert self._database is not None
        async with self._database.read() as session:
            button = await log.pressed(session, turn.conversation_id, turn.button_id or "")
        if button is None:
            raise UnknownButton(turn.button_id)
        return _parsed(button.intent, button.title, dict(button.values))


def _parsed(intent: str, text: str, values: dict[str, Any]) -> dict[str, Any]:
    """Return a parse that needed no understanding."""
    return {
        "text": text,
        "intent": {"name": intent, "confidence": 1.0},
        "entities": [],
        "values": values,
        "understood": {"route": intent, "decision": "none", "hits": [], "wishes": [], "sure": True},
    }


def _keep_wishes(
    tracker: DialogueStateTracker, parse: dict[str, Any], processor: MessageProcessor
) -> None:
    """Remember the second wish of a message; inside a form the form itself decides on that."""
    wishes = (parse.get("understood") or {}).get("wishes")
    for wish in wishes or ():
        if wish["route"] == "complain":
            # A complaint is told by the whole message; a clause of it may leave out the worst.
            wish["text"] = parse["text"]
            wish["entities"] = parse["entities"]
    if wishes and tracker.active_loop_name is None:
        tracker.update(SlotSet("wishes", wishes), processor.domain)


def answers_to(tracker: DialogueStateTracker, message_id: str) -> list[BotUttered] | None:
    """Return what the bot said to a message, None if the tracker does not know the message."""
    found: list[BotUttered] | None = None
    event: Event
    for event in tracker.events:
        if isinstance(event, UserUttered):
            if found is not None:
                break
            if event.message_id == message_id:
                found = []
        elif found is not None and isinstance(event, BotUttered):
            found.append(event)
    return found


def _reply(event: BotUttered) -> Reply:
    data = event.data or {}
    custom = data.get("custom") or {}
    choices = []
    for button in data.get("buttons") or ():
        intent, values = read_payload(str(button.get("payload") or ""))
        choices.append(Choice(str(button.get("title") or ""), intent, values))
    return Reply(text=event.text or "", choices=tuple(choices), card=custom.get("card"))


def read_payload(payload: str) -> tuple[str, dict[str, Any]]:
    """Split ``/intent{"slot": value}``, the way responses and actions write a button's meaning."""
    body = payload.removeprefix("/")
    name, brace, rest = body.partition("{")
    return name.strip(), json.loads(brace + rest) if brace else {}


def _authorised(request: Request) -> bool:
    given = str(request.headers.get("Authorization") or "")
    return hmac.compare_digest(given.encode(), f"Bearer {settings().rasa_token}".encode())


def _error(status: int, code: str) -> HTTPResponse:
    return response.json({"error": {"code": code, "message": code}}, status=status)


__all__ = ["PitstopChannel", "StrictEndpoint", "Turn", "answers_to", "read_payload"]
