"""The router: stores what an owner writes, asks whoever has the word, commits the answer."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import time
from dataclasses import dataclass
from typing import Literal
from weakref import WeakValueDictionary

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from pitstop.base.ids import new_token
from pitstop.care import handoff_views, handoffs, people, rescue
from pitstop.care.positions import position_of
from pitstop.conversation import inbox, log, word
from pitstop.conversation.tables import Conversation, InboxEntry, Message
from pitstop.conversation.wire import IncomingMessage, Reply
from pitstop.gateway import failures, lines, own_buttons
from pitstop.gateway.bot_client import Bot, BotUnavailable, Turn, UnknownButton
from pitstop.gateway.fallback import need_of
from pitstop.gateway.metrics import Metrics
from pitstop.storage.database import Database

logger = logging.getLogger(__name__)

# A message that was taken up this often and never settled is not asked about again.
MAX_ATTEMPTS = 5
POLL_EVERY = 0.5  # seconds; another process may be the one that answers

Outcome = Literal["answered", "routed", "failed", "again", "gone"]


@dataclass(frozen=True)
class Work:
    """A claimed entry; without a turn it needed no bot and is settled with `outcome`."""

    entry_id: str
    conversation_id: str
    turn: Turn | None = None
    outcome: Outcome = "answered"
    given_up: bool = False


class Router:
    """Takes each owner message from the inbox to an answer, to the agents, or to the truth.

    One task at a time per conversation in this process (a lock), one process at a time per entry
    (a lease in the database), and no transaction open while the bot thinks.
    """

    def __init__(
        self, database: Database, bot: Bot, *, turn_timeout: float, metrics: Metrics | None = None
    ) -> None:
        self._database = database
        self._bot = bot
        # Longer than a turn, and short enough that after a crash nobody waits long for the next
        # process. Should a slow commit outlast it, both ask (a turn is replayable), one commits.
        self._lease = turn_timeout * 1.5
        self._metrics = metrics or Metrics()
        self._holder = f"{os.getpid()}-{new_token(6)}"
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._tasks: set[asyncio.Task[None]] = set()
        self._waiters: dict[str, list[asyncio.Event]] = {}

    async def receive(self, incoming: IncomingMessage) -> inbox.Received:
        """Store a message in one write; raises what `inbox.receive` raises."""
        async with self._database.write() as session:
            await people.ensure_customer(session, incoming.customer_id)
            return await inbox.receive(session, incoming)

    def kick(self, conversation_id: str) -> None:
        """Process the conversation's waiting messages in the background."""
        task = asyncio.create_task(self._process_or_log(conversation_id))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def process(self, conversation_id: str) -> None:
        """Work off the conversation's waiting messages in their order."""
        lock = self._locks.get(conversation_id)
        if lock is None:
            lock = self._locks[conversation_id] = asyncio.Lock()
        async with lock:
            while await self._one(conversation_id):
                pass

    async def settled(self, entry_id: str, seconds: float) -> bool:
        """Wait until an entry is answered or routed, by whichever process; False if it is not."""
        deadline = time.monotonic() + seconds
        event = asyncio.Event()
        self._waiters.setdefault(entry_id, []).append(event)
        try:
            while True:
                if await self._is_settled(entry_id):
                    return True
                left = deadline - time.monotonic()
                if left <= 0:
                    return False
                with contextlib.suppress(asyncio.TimeoutError):
                    await asyncio.wait_for(event.wait(), min(left, POLL_EVERY))
        finally:
            waiting = self._waiters[entry_id]
            waiting.remove(event)
            if not waiting:
                del self._waiters[entry_id]

    async def close(self, *, seconds: float = 3) -> None:
        """Let running turns finish for `seconds`, then hand the rest to whoever comes next."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=seconds)
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        async with self._database.write() as session:
            await session.execute(
                update(InboxEntry)
                .where(InboxEntry.lease_holder == self._holder, InboxEntry.state == "waiting")
                .values(lease_holder=None, lease_until=None)
                .execution_options(synchronize_session=False)
            )

    async def _process_or_log(self, conversation_id: str) -> None:
        try:
            await self.process(conversation_id)
        except Exception:
            # The entry stays waiting: when its lease is over, the worker takes it up again.
            logger.exception("conversation not processed", extra={"conversation": conversation_id})

    async def _is_settled(self, entry_id: str) -> bool:
        async with self._database.read() as session:
            entry = await session.get(InboxEntry, entry_id)
            return entry is None or entry.state != "waiting"

    async def _one(self, conversation_id: str) -> bool:
        """Take one entry to its end; False if there is none to take."""
        began = time.monotonic()
        work = await self._take(conversation_id)
        if work is None:
            return False
        outcome = work.outcome
        if work.turn is not None:
            outcome = await self._ask_and_commit(work, work.turn)
        self._metrics.turns.labels(outcome).inc()
        self._metrics.turn_seconds.observe(time.monotonic() - began)
        for event in self._waiters.get(work.entry_id, ()):
            event.set()
        return True

    async def _take(self, conversation_id: str) -> Work | None:
        """Claim the oldest waiting entry, and settle it if the bot is not needed for it."""
        async with self._database.write() as session:
            try:
                conversation = await log.locked(session, conversation_id)
            except LookupError:
                return None
            entry = await inbox.claim_next(session, conversation_id, self._holder, self._lease)
            if entry is None:
                return None
            turn = await self._see_to(session, conversation, entry)
            if turn is None:
                outcome: Outcome = "routed" if entry.state == "routed" else "answered"
                inbox.settle(entry, outcome)
                return Work(entry.id, conversation_id, outcome=outcome)
            given_up = entry.attempts > MAX_ATTEMPTS
            return Work(entry.id, conversation_id, turn, given_up=given_up)

    async def _see_to(
        self, session: AsyncSession, conversation: Conversation, entry: InboxEntry
    ) -> Turn | None:
        """Return the turn to ask the bot, or None once the entry needs none."""
        button = None
        if entry.button_id is not None:
            button = await log.pressed(session, conversation.id, entry.button_id)
        if button is not None and button.intent.startswith(lines.OWN):
            return await own_buttons.press(session, conversation, entry, button)
        if not word.may_commit(conversation, entry.id, entry.epoch):
            if conversation.word != "bot":
                await _route(session, conversation, entry)
                return None
            # The word went away and came back before anybody saw to this message.
            entry.epoch = conversation.epoch
        if entry.button_id is not None and button is None:
            await lines.say(session, conversation, entry, "button_expired")
            return None
        return await own_buttons.turn_of(session, entry)

    async def _ask_and_commit(self, work: Work, turn: Turn) -> Outcome:
        """Ask the bot, outside any transaction, and commit what came of it."""
        if work.given_up:
            return await self._commit(work, turn, failure="given_up")
        try:
            replies = await self._bot.ask(turn)
        except UnknownButton:
            return await self._commit(work, turn, expired=True)
        except BotUnavailable as error:
            logger.warning("bot gave no answer", extra={"reason": error.reason})
            return await self._commit(work, turn, failure=error.reason)
        if not replies:
            return await self._commit(work, turn, failure="silent")
        return await self._commit(work, turn, replies=replies)

    async def _commit(
        self,
        work: Work,
        turn: Turn,
        *,
        replies: list[Reply] | None = None,
        expired: bool = False,
        failure: str | None = None,
    ) -> Outcome:
        async with self._database.write() as session:
            try:
                conversation = await log.locked(session, work.conversation_id)
            except LookupError:
                return "gone"
            entry = await session.get(InboxEntry, work.entry_id, with_for_update=True)
            if entry is None or entry.state != "waiting" or entry.lease_holder != self._holder:
                # Reset, or taken over by another process when our lease ran out: theirs to say.
                return "gone"
            if not word.may_commit(conversation, turn.message_id, turn.epoch):
                if conversation.word == "bot":
                    # A person had the word and gave it back meanwhile: asked anew, not lost.
                    entry.lease_until = entry.lease_holder = None
                    return "again"
                await _route(session, conversation, entry)
                return "routed"
            if failure is not None:
                await failures.explain(session, conversation, entry, turn, failure)
            elif expired:
                await lines.say(session, conversation, entry, "button_expired")
            for reply in replies or ():
                await log.append(session, conversation, "bot", reply, inbox_id=entry.id)
            inbox.settle(entry, "answered")
            return "answered" if failure is None else "failed"


async def _route(session: AsyncSession, conversation: Conversation, entry: InboxEntry) -> None:
    """Leave a message to the agents; the bot stays silent.

    In the queue nobody reads yet: a danger told there gets the safety words, and goes first.
    """
    if conversation.word == "queued" and entry.kind == "text":
        turn = await own_buttons.turn_of(session, entry)
        standing = await handoff_views.open_in(session, conversation.id)
        urgent = standing is not None and standing.priority == "P0"
        if not urgent and need_of(turn.text or "") == "danger":
            await lines.danger(session, conversation, entry)
    await _hand_position(session, conversation, entry)
    inbox.settle(entry, "routed")
    await handoffs.owner_wrote(session, conversation.id)


async def _hand_position(
    session: AsyncSession, conversation: Conversation, entry: InboxEntry
) -> None:
    """Give a position to the person it was sent to, and to the rescue that is under way.

    The inbox forgets it; in the log it stays as an encrypted card of the owner's own message.
    """
    position = await position_of(session, entry.id)
    if position is None:
        return
    message = await session.get(Message, entry.message_id)
    if message is not None:
        message.card = {"type": "location", "lat": position[0], "lng": position[1]}
    await rescue.locate(session, conversation.customer_id, position, message_id=entry.id)
