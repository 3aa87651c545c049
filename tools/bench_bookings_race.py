"""More yeses than there is room for, said in several processes that are killed on the way.

Every owner asks first, while everything is free, and then they all say yes. Each process writes
down what it is about to do and what came of it; who takes over from a killed one repeats what
has no result, as a message that is delivered again would.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import os
import random
import signal
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from itertools import product
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import DBAPIError

from pitstop.base import clock
from pitstop.care import bookings, offers
from pitstop.care.permissions import NotAllowed
from pitstop.care.refusals import Refused
from pitstop.care.tables import Booking, Offer
from pitstop.storage.database import Database
from tools.booking_load import (
    HALF_HOUR,
    OPENS,
    Centre,
    car,
    centre,
    create_tables,
    owner,
    pour,
    write_centres,
    write_owners,
    write_parts,
    write_service,
)

FIRST_DAY = datetime(2026, 11, 24, OPENS.hour, OPENS.minute, tzinfo=clock.SHANGHAI)
_AGAIN = 40
"""How often a yes is said again where the database gave up (a deadlock, a lock too long)."""


@dataclass(frozen=True)
class Race:
    """How many want how much. Slots are half hours: `centres` x `bays` x `cells` of them.

    `asked`: every owner asks first, in the same processes; else their offers are written.
    """

    attempts: int = 10_000
    processes: int = 8
    centres: int = 5
    bays: int = 5
    cells: int = 20
    kills: int = 24
    asked: bool = True
    seed: int = 1

    @property
    def slots(self) -> int:
        """How many bookings there is room for."""
        return self.centres * self.bays * self.cells

    def all_centres(self) -> list[Centre]:
        """Return the centres, with a technician for each bay."""
        return [centre(number, self.bays, self.bays) for number in range(self.centres)]


@dataclass(frozen=True)
class Step:
    """One thing that a process does. `kind`: ask, yes, move, cancel.

    `attempt` is the owner's number, `cell` where and when (a move: where to), `message` the id of
    the message that wants it.
    """

    key: str
    kind: str
    attempt: int
    cell: int
    message: str


@dataclass
class Outcome:
    """What a race came to. Times in seconds, `lines` are all logs."""

    race: Race
    asked_in: float = 0.0
    booked_in: float = 0.0
    killed: int = 0
    lines: list[dict[str, Any]] = field(default_factory=list)

    def ended(self, *kinds: str) -> list[dict[str, Any]]:
        """Return the results of steps of these kinds."""
        return [row for row in self.lines if row["at"] == "end" and row["kind"] in kinds]

    def troubles(self) -> list[str]:
        """Return what the database gave up on and was repeated, by its name."""
        return [row["error"] for row in self.lines if row["at"] == "error"]


# ---- what is to be done -------------------------------------------------------------------------


async def prepare(database: Database, race: Race) -> None:
    """Write the centres, owners and parts that a race needs."""
    await create_tables(database)
    centres = race.all_centres()
    await write_centres(database, centres)
    await write_service(database, "check", 30)
    await write_service(database, "filter", 30, {"cabin_filter": 1})
    # As many pieces as there may be bookings: nobody has to go without.
    await write_parts(database, "cabin_filter", centres, race.bays * race.cells)
    await write_owners(database, race.attempts + 1)
    if not race.asked:
        await _write_offers(database, race)


async def _write_offers(database: Database, race: Race) -> None:
    """Give every owner the offer that one of them gets who asks for everything."""
    shown: dict[tuple[int, str], dict[str, Any]] = {}
    for cell, service in product(range(race.centres * race.cells), ("check", "filter")):
        place, start = place_and_time(race, cell)
        async with database.write() as session:
            offer = await offers.propose(
                session,
                owner(race.attempts),
                kind="maintenance",
                place_id=place,
                start=start,
                service=service,
                message_id=f"first-{cell}-{service}",
            )
            terms = select(Offer.terms).where(Offer.id == offer.id)
            shown[(cell, service)] = (await session.execute(terms)).scalar_one()
    until = clock.now() + timedelta(hours=2)
    await pour(
        database,
        Offer,
        (
            {
                "customer_id": owner(n),
                "kind": "maintenance",
                "terms": {**shown[(_cell(race, n), service_of(n))], "vehicle_id": car(n)},
                "expires_at": until,
                "message_id": f"ask-{n}",
                "skill": "book_maintenance",
            }
            for n in range(race.attempts)
        ),
    )


def place_and_time(race: Race, cell: int) -> tuple[str, datetime]:
    """Return the place and the half hour that a cell's number stands for."""
    at, place = divmod(cell, race.centres)
    return centre(place, 0, 0).id, FIRST_DAY + at * HALF_HOUR


def service_of(attempt: int) -> str:
    """Return what that owner wants: one in three something that uses up a part."""
    return "check" if attempt % 3 else "filter"


def asking(race: Race) -> list[list[Step]]:
    """Return who asks for what in which process; a message in twenty comes twice."""
    chance = random.Random(race.seed)
    shares: list[list[Step]] = [[] for _ in range(race.processes)]
    for attempt in range(race.attempts):
        step = Step(f"ask-{attempt}", "ask", attempt, _cell(race, attempt), f"ask-{attempt}")
        at = attempt % race.processes
        shares[at].append(step)
        if chance.random() < 0.05:
            twice = Step(f"{step.key}-twice", "ask", attempt, step.cell, step.message)
            shares[(at + 1) % race.processes].append(twice)
    return shares


def saying_yes(race: Race) -> list[list[Step]]:
    """Return who says yes in which process and in what order.

    Most come for the same half hour at the same time, the rest at any. Of ten, one presses twice
    and one says it on two telephones. In the first quarter some move or cancel what they got;
    then somebody who comes later gets it.
    """
    chance = random.Random(race.seed + 1)
    cells = race.centres * race.cells
    timed: list[tuple[float, int, Step]] = []
    for attempt in range(race.attempts):
        cell, process = _cell(race, attempt), chance.randrange(race.processes)
        late = chance.random() < 0.3
        when = chance.uniform(cells / 2, cells * 1.5) if late else cell + chance.uniform(0, 2)
        message = f"yes-{attempt}"
        timed.append((when, process, Step(message, "yes", attempt, cell, message)))
        lot = chance.random()
        if lot < 0.1:
            other = chance.randrange(race.processes)
            timed.append((when, other, Step(f"{message}-twice", "yes", attempt, cell, message)))
        elif lot < 0.2:
            phone = f"{message}-other"
            timed.append(
                (when, (process + 1) % race.processes, Step(phone, "yes", attempt, cell, phone))
            )
        if when < cells / 4 and lot > 0.8:
            kind = "move" if lot > 0.9 else "cancel"
            to = chance.randrange(cells)
            key = f"{kind}-{attempt}"
            timed.append((when + 1, process, Step(key, kind, attempt, to, key)))
    timed.sort(key=lambda each: each[0])
    shares: list[list[Step]] = [[] for _ in range(race.processes)]
    for _, process, step in timed:
        shares[process].append(step)
    return shares


def _cell(race: Race, attempt: int) -> int:
    return attempt % (race.centres * race.cells)


# ---- the processes ------------------------------------------------------------------------------


async def run(race: Race, url: str, folder: Path) -> Outcome:
    """Run a race on a prepared database; logs go into `folder`."""
    outcome = Outcome(race)
    began, rest = time.monotonic(), race.kills
    if race.asked:
        few = race.kills // 4
        rest -= few
        outcome.killed += await _together(race, url, folder, "ask", asking(race), few)
    outcome.asked_in = time.monotonic() - began
    began = time.monotonic()
    outcome.killed += await _together(race, url, folder, "yes", saying_yes(race), rest)
    outcome.booked_in = time.monotonic() - began
    outcome.lines = await asyncio.to_thread(_read_all, folder)
    return outcome


async def _together(
    race: Race, url: str, folder: Path, name: str, shares: Sequence[Sequence[Step]], kills: int
) -> int:
    """Let every process do its share, and kill and replace some on the way."""
    context = multiprocessing.get_context("spawn")
    chance = random.Random(race.seed + 2)
    logs = [folder / f"{name}-{number}.jsonl" for number in range(race.processes)]
    tasks = [folder / f"{name}-{number}.steps.json" for number in range(race.processes)]
    for path, share in zip(tasks, shares, strict=True):
        path.write_text(json.dumps([asdict(step) for step in share]))

    def start(number: int) -> SpawnProcess:
        given = (url, clock.offset(), asdict(race), tasks[number], logs[number])
        process = context.Process(target=work, args=given, daemon=True)
        process.start()
        return process

    running = {number: start(number) for number in range(race.processes)}
    watches = [_Watch(path) for path in logs]
    total = sum(map(len, shares))
    marks = [total * (n + 1) // (kills + 1) for n in range(kills)]
    killed = 0
    try:
        while running:
            await asyncio.sleep(0.02)
            for number, process in list(running.items()):
                if process.exitcode is None:
                    continue
                if process.exitcode != 0:
                    raise RuntimeError(f"process {number} ended with {process.exitcode}")
                del running[number]
            ended = [watch.ended() for watch in watches]
            if marks and running and sum(ended) >= marks[0]:
                number = chance.choice(sorted(running))
                if not ended[number]:
                    continue
                victim = running[number]
                # Not between two steps alone: at any moment.
                await asyncio.sleep(chance.uniform(0, 0.05))
                os.kill(victim.pid or 0, signal.SIGKILL)
                await asyncio.to_thread(victim.join)
                marks.pop(0)
                if victim.exitcode == -signal.SIGKILL:
                    killed += 1
                    running[number] = start(number)
    finally:
        for process in running.values():
            process.kill()
    return killed


class _Watch:
    """Counts the results in a log that grows."""

    def __init__(self, path: Path) -> None:
        self._path, self._at, self._count = path, 0, 0

    def ended(self) -> int:
        if self._path.exists():
            with self._path.open("rb") as file:
                file.seek(self._at)
                new = file.read()
            self._at += len(new)
            self._count += new.count(b'{"at": "end"')
        return self._count


def read(log: Path) -> list[dict[str, Any]]:
    """Return a log's lines; the last of a killed process may be cut off."""
    if not log.exists():
        return []
    found = []
    for line in log.read_text(encoding="utf-8").splitlines():
        try:
            found.append(json.loads(line))
        except json.JSONDecodeError:
            continue
    return found


def _read_all(folder: Path) -> list[dict[str, Any]]:
    lines = [line for log in sorted(folder.glob("*.jsonl")) for line in read(log)]
    return sorted(lines, key=lambda line: line["time"])


class _Log:
    """An append-only file: what was written is there, whoever is killed."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        # The last line of a killed one may be half a line.
        os.write(self._file, b"\n")

    def write(self, step: Step, at: str, **more: Any) -> None:
        line = {"at": at, **asdict(step), "time": time.monotonic(), "pid": os.getpid(), **more}
        os.write(self._file, json.dumps(line).encode() + b"\n")


def work(url: str, offset: timedelta, race: dict[str, Any], steps: Path, log: Path) -> None:
    """Do one process's share; what the log has a result of is done already."""
    clock.set_offset(offset)
    share = [Step(**each) for each in json.loads(steps.read_text())]
    asyncio.run(_work(url, Race(**race), share, log))


async def _work(url: str, race: Race, steps: Sequence[Step], log: Path) -> None:
    database = Database(url, pool_size=2)
    done = {line["key"] for line in read(log) if line["at"] == "end"}
    begun = {line["key"] for line in read(log) if line["at"] == "begin"}
    book = _Log(log)
    for step in steps:
        if step.key in done:
            continue
        if step.key in begun:
            # Whoever was killed here: had it been committed?
            book.write(step, "again", committed=await _committed(database, step))
        book.write(step, "begin")
        for _ in range(_AGAIN):
            began = time.perf_counter()
            try:
                result = await _do(database, race, step)
            except DBAPIError as error:
                book.write(step, "error", error=type(error.orig).__name__, text=str(error.orig))
                continue
            took = time.perf_counter() - began
            book.write(step, "end", ms=result.pop("ms", took * 1000), **result)
            break
        else:
            raise RuntimeError(f"{step.key}: the database gave up {_AGAIN} times")
    await database.close()


async def _do(database: Database, race: Race, step: Step) -> dict[str, Any]:
    try:
        if step.kind == "ask":
            return await _ask(database, race, step)
        if step.kind == "yes":
            offer = await _offer(database, f"ask-{step.attempt}")
            if offer is None:
                return {"outcome": "not offered"}
            return await _yes(database, step, offer)
        booking = await _booking(database, step.attempt)
        if booking is None:
            return {"outcome": "nothing booked"}
        if step.kind == "move":
            return await _move(database, race, step, booking)
        async with database.write() as session:
            await bookings.cancel(session, owner(step.attempt), booking, message_id=step.message)
        return {"outcome": "cancelled", "booking": booking}
    except Refused as refused:
        return {"outcome": refused.code, "missing": refused.details.get("missing")}
    except NotAllowed as refused:
        return {"outcome": refused.code}


async def _ask(
    database: Database, race: Race, step: Step, moves: str | None = None
) -> dict[str, Any]:
    place, start = place_and_time(race, step.cell)
    async with database.write() as session:
        offer = await offers.propose(
            session,
            owner(step.attempt),
            kind="maintenance",
            place_id=place,
            start=start,
            service=service_of(step.attempt),
            vehicle_id=car(step.attempt),
            message_id=step.message,
            moves_booking_id=moves,
        )
    return {"outcome": "offered", "offer": offer.id}


async def _yes(database: Database, step: Step, offer: str) -> dict[str, Any]:
    began = time.perf_counter()
    try:
        async with database.write() as session:
            booked = await offers.accept(
                session, owner(step.attempt), offer, message_id=step.message
            )
    except Refused as refused:
        took = time.perf_counter() - began
        missing = refused.details.get("missing")
        return {"outcome": refused.code, "missing": missing, "offer": offer, "ms": took * 1000}
    took = time.perf_counter() - began
    return {"outcome": "booked", "booking": booked.id, "offer": offer, "ms": took * 1000}


async def _move(database: Database, race: Race, step: Step, booking: str) -> dict[str, Any]:
    asked = await _ask(database, race, step, booking)
    moved = await _yes(database, step, asked["offer"])
    return {**moved, "outcome": "moved" if moved["outcome"] == "booked" else moved["outcome"]}


async def _offer(database: Database, message: str) -> str | None:
    query = select(Offer.id).where(Offer.message_id == message)
    async with database.read() as session:
        found: str | None = (await session.execute(query)).scalar_one_or_none()
    return found


async def _booking(database: Database, attempt: int) -> str | None:
    query = select(Booking.id).where(Booking.customer_id == owner(attempt))
    async with database.read() as session:
        found: str | None = (await session.execute(query)).scalar_one_or_none()
    return found


async def _committed(database: Database, step: Step) -> bool:
    """Say whether what a killed process was doing had been committed."""
    message = f"ask-{step.attempt}" if step.kind == "yes" else step.message
    if step.kind == "cancel":
        booking = await _booking(database, step.attempt)
        query = select(Booking.id).where(Booking.id == booking, Booking.status == "cancelled")
    else:
        query = select(Offer.id).where(Offer.message_id == message)
        if step.kind != "ask":
            query = query.where(Offer.state == "taken")
    async with database.read() as session:
        return (await session.execute(query)).scalar_one_or_none() is not None
