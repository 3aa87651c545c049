"""Sends real sentences to a running demo as owners would, and says what became of each.

Every line is a conversation of its own. Half of them are written by the demo's customers, who have
cars, bookings and cases: the demo is reset before each round of them. The other half is written by
visitors nobody knows. Nothing is sent that a person at a keyboard could not send.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import sys
import time
import uuid
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from pitstop.base.settings import ROOT, Settings, SettingsError
from pitstop.gateway.tokens import OwnerTokens
from tools.claims import Rows, broken
from tools.environment import known_settings
from tools.outcomes import OUTCOMES, Outcome, Phrases, outcome
from tools.run import address
from tools.steps import complain

REPORT = ROOT / "reports" / "feed.json"
PATIENCE = 60.0  # seconds until a message that has no answer counts as lost
TOKEN_LIFE = 3 * 3600  # seconds
REPEATED = 10  # every so many lines are sent a second time under their id
SHOWN = 50


@dataclass(frozen=True)
class Line:
    """A sentence, and the file it comes from."""

    file: str
    text: str


@dataclass
class Fed:
    """What became of a line."""

    file: str
    text: str
    customer: str
    outcome: Outcome = "failed"
    phrases: list[str] = field(default_factory=list)
    replies: list[dict[str, Any]] = field(default_factory=list)
    state: str = ""
    seconds: float = 0.0
    problems: list[str] = field(default_factory=list)


def read_lines(folder: Path, files: Sequence[str]) -> list[Line]:
    """Return what an owner could have typed: each different ``text`` of a file, once.

    Rows that hold no single sentence (pairs) or only a fragment with its expected value (times)
    are nobody's message.
    """
    lines: dict[tuple[str, str], Line] = {}
    for path in sorted(folder.glob("*.jsonl")):
        if files and path.stem not in files:
            continue
        for row in path.read_text("utf-8").splitlines():
            given = json.loads(row)
            text = str(given.get("text") or "").strip()
            if text and "expect" not in given:
                lines.setdefault((path.stem, text), Line(path.stem, text))
    return list(lines.values())


class Owner:
    """One customer at the public API."""

    def __init__(self, http: aiohttp.ClientSession, url: str, customer: str, token: str) -> None:
        self.customer = customer
        self._http = http
        self._url = url
        self._headers = {"Authorization": f"Bearer {token}"}

    async def _call(
        self, method: str, path: str, body: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Return the answer; waits where the product says that we are too fast."""
        while True:
            async with self._http.request(
                method, f"{self._url}/api/owner/{path}", json=body, headers=self._headers
            ) as answer:
                if answer.status == 429:
                    await asyncio.sleep(float(answer.headers.get("Retry-After", "1")))
                    continue
                if answer.status != 200:
                    raise RuntimeError(f"{method} {path}: HTTP {answer.status}")
                found: dict[str, Any] = await answer.json()
                return found

    async def post(self, key: str, text: str) -> dict[str, Any]:
        """Send a message."""
        return await self._call("POST", "messages", {"id": key, "text": text})

    async def after(self, seq: int) -> list[dict[str, Any]]:
        """Return what stands in the conversation after a number."""
        found: list[dict[str, Any]] = []
        while True:
            page = (await self._call("GET", f"messages?after={seq}"))["messages"]
            found += page
            if not page:
                return found
            seq = page[-1]["seq"]

    async def rows(self) -> Rows:
        """Return what the owner's bookings, cases and conversation are now."""
        booked, filed, conversation = await asyncio.gather(
            self._call("GET", "bookings"),
            self._call("GET", "cases"),
            self._call("GET", "conversation"),
        )
        return Rows(
            {str(one["reference"]): one for one in booked["bookings"]},
            {str(one["number"]): one for one in filed["cases"]},
            str(conversation["state"]),
        )


async def feed_line(owner: Owner, line: Line, phrases: Phrases, *, repeat: bool) -> Fed:
    """Send one line, wait for its answer, and look at the conversation afterwards."""
    fed = Fed(line.file, line.text, owner.customer)
    key = str(uuid.uuid4())
    try:
        before = max((one["seq"] for one in await owner.after(0)), default=0)
        had = await owner.rows()
        began = time.monotonic()
        answer = await owner.post(key, line.text)
        while answer["pending"] and time.monotonic() - began < PATIENCE:
            await asyncio.sleep(0.5)
            answer = await owner.post(key, line.text)
        fed.seconds = round(time.monotonic() - began, 3)
        if repeat:
            again = await owner.post(key, line.text)
            if _ids(again["messages"]) != _ids(answer["messages"]):
                fed.problems.append("the same id got another answer")
        log = await owner.after(before)
        has = await owner.rows()
        fed.state = has.state
    except (RuntimeError, aiohttp.ClientError, asyncio.TimeoutError) as error:
        fed.problems.append(f"{type(error).__name__}: {error}")
        return fed
    replies = [one for one in log if one["sender"] != "owner"]
    fed.problems += _problems(line, answer, log)
    fed.problems += broken(replies, had, has, phrases)
    fed.phrases = [phrases.name(str(one["text"])) for one in replies]
    fed.outcome = outcome(replies, fed.state, phrases) if replies else "failed"
    fed.replies = [
        {
            "text": one["text"],
            "buttons": [button["title"] for button in one["buttons"]],
            "card": (one["card"] or {}).get("type"),
        }
        for one in replies
    ]
    return fed


def _ids(messages: Iterable[dict[str, Any]]) -> list[str]:
    return [str(one["id"]) for one in messages]


def _problems(line: Line, answer: dict[str, Any], log: list[dict[str, Any]]) -> list[str]:
    """Return what the conversation shows to be wrong."""
    found = []
    mine = [one for one in log if one["sender"] == "owner"]
    replies = [one for one in log if one["sender"] != "owner"]
    if answer["pending"]:
        found.append(f"no answer within {PATIENCE:.0f} s")
    elif not replies:
        found.append("no answer")
    if len(mine) != 1:
        found.append(f"the message stands {len(mine)} times in the conversation")
    elif mine[0]["text"] != line.text:
        found.append("the message was changed")
    if not answer["pending"] and _ids(answer["messages"]) != _ids(replies):
        found.append("the conversation shows another answer than the one given")
    said = Counter(str(one["text"]) for one in replies)
    found += [f"said {times} times: {text}" for text, times in said.items() if times > 1]
    return found


class Feeder:
    """Sends lines, `at_once` at a time."""

    def __init__(self, url: str, settings: Settings, http: aiohttp.ClientSession) -> None:
        self._url = url
        self._http = http
        self._tokens = OwnerTokens(settings)
        self._phrases = Phrases.shipped()
        self._count = 0

    async def customers(self) -> list[str]:
        """Return the demo's customers."""
        async with self._http.get(f"{self._url}/api/demo/fixtures") as answer:
            answer.raise_for_status()
            return [str(one["id"]) for one in (await answer.json())["customers"]]

    async def reset(self) -> None:
        """Put the demo back to its beginning."""
        async with self._http.post(f"{self._url}/api/demo/reset", json={}) as answer:
            answer.raise_for_status()

    async def one(self, line: Line, customer: str) -> Fed:
        """Send a line as a customer."""
        self._count += 1
        token = self._tokens.issue(customer, seconds=TOKEN_LIFE)
        owner = Owner(self._http, self._url, customer, token)
        return await feed_line(owner, line, self._phrases, repeat=self._count % REPEATED == 0)

    async def all(self, lines: list[Line], at_once: int, progress: _Told) -> list[Fed]:
        """Send the first half as the demo's customers, the second half as visitors."""
        known = lines[: len(lines) // 2]
        fed: list[Fed] = []
        gate = asyncio.Semaphore(at_once)

        async def send(line: Line, customer: str) -> None:
            async with gate:
                done = await self.one(line, customer)
            fed.append(done)
            progress.tell(done)

        customers = await self.customers()
        for batch in _batches(known, len(customers)):
            await self.reset()
            pairs = zip(batch, customers, strict=False)
            await asyncio.gather(*(send(line, customer) for line, customer in pairs))
        await self.reset()
        rest = lines[len(known) :]
        await asyncio.gather(*(send(line, f"feed-{uuid.uuid4().hex[:20]}") for line in rest))
        return fed


def _batches(lines: Sequence[Line], size: int) -> Iterator[Sequence[Line]]:
    for start in range(0, len(lines), size):
        yield lines[start : start + size]


class _Told:
    """Says how far we are: a bar on a terminal, a line now and then elsewhere."""

    def __init__(self, console: Console, total: int) -> None:
        self._console = console
        self._total = total
        self._seen: Counter[str] = Counter()
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[seen]}"),
            console=console,
            disable=not console.is_terminal,
        )
        self._task = self._bar.add_task("feeding", total=total, seen="")

    def __enter__(self) -> _Told:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def tell(self, fed: Fed) -> None:
        """Count one."""
        self._seen[fed.outcome] += 1
        done = sum(self._seen.values())
        seen = " ".join(f"{name} {self._seen[name]}" for name in OUTCOMES if self._seen[name])
        self._bar.update(self._task, completed=done, seen=seen)
        if not self._console.is_terminal and done % 100 == 0:
            self._console.print(f"{done}/{self._total}  {seen}")
        for problem in fed.problems:
            self._console.print(f"! {fed.file}: {problem}: {fed.text}", markup=False)


def table(fed: Iterable[Fed]) -> Table:
    """Return how many of each file became what."""
    rows: dict[str, Counter[str]] = {}
    for one in fed:
        for name in (one.file, "all"):
            rows.setdefault(name, Counter())[one.outcome] += 1
    drawn = Table("file", "lines", *OUTCOMES)
    for name in sorted(rows, key=lambda name: (name == "all", name)):
        counted = rows[name]
        figures = [str(counted[one] or "·") for one in OUTCOMES]
        drawn.add_row(name, str(sum(counted.values())), *figures)
    return drawn


def report(fed: Sequence[Fed], took: float) -> dict[str, Any]:
    """Return everything as JSON: figures first, then each line with its answer."""
    files: dict[str, Counter[str]] = {}
    for one in fed:
        files.setdefault(one.file, Counter())[one.outcome] += 1
    waited = sorted(one.seconds for one in fed) or [0.0]
    return {
        "lines": len(fed),
        "seconds": round(took, 1),
        "answer_seconds": {
            "median": waited[len(waited) // 2],
            "p95": waited[int(len(waited) * 0.95)],
            "longest": waited[-1],
        },
        "problems": sum(bool(one.problems) for one in fed),
        "outcomes": {name: dict(counted) for name, counted in sorted(files.items())},
        "phrases": dict(Counter(name for one in fed for name in set(one.phrases)).most_common()),
        "fed": [asdict(one) for one in fed],
    }


def show(console: Console, fed: Sequence[Fed], count: int) -> None:
    """Print some lines with their answers, to be read by a person."""
    for one in random.sample(list(fed), min(count, len(fed))):
        console.print(f"\n[{one.file} · {one.customer} · {one.outcome}]", markup=False)
        console.print(f"  > {one.text}", markup=False)
        for reply in one.replies:
            extra = "".join(f" [{title}]" for title in reply["buttons"])
            card = f" {{{reply['card']}}}" if reply["card"] else ""
            console.print(f"  < {reply['text']}{card}{extra}", markup=False, highlight=False)


async def feed(
    url: str, settings: Settings, lines: list[Line], at_once: int, console: Console
) -> tuple[list[Fed], float]:
    """Send everything; return what became of it, and the seconds it took."""
    # No proxy stands between us and the demo; a turn may take the ten seconds of the contract.
    timeout = aiohttp.ClientTimeout(total=60)
    async with aiohttp.ClientSession(timeout=timeout, trust_env=False) as http:
        feeder = Feeder(url, settings, http)
        began = time.monotonic()
        with _Told(console, len(lines)) as told:
            fed = await feeder.all(lines, at_once, told)
        took = time.monotonic() - began
        await feeder.reset()
    return fed, took


def main(arguments: list[str] | None = None) -> int:
    """Feed; 0 if every line got one answer and no request failed."""
    parser = argparse.ArgumentParser(prog="python -m tools.feed", description=__doc__)
    parser.add_argument("--data", type=Path, default=os.environ.get("EVAL_DATA"), help="folder")
    parser.add_argument("--url", help="the running demo (default: HOST and PORT)")
    parser.add_argument("--files", nargs="*", default=[], help="only these, without .jsonl")
    parser.add_argument("--limit", type=int, help="only so many lines, drawn at random")
    parser.add_argument("--at-once", type=int, default=8)
    parser.add_argument("--seed", type=int, default=1, help="of the order and of what is shown")
    parser.add_argument("--show", type=int, default=SHOWN, help="lines to print")
    given = parser.parse_args(arguments)
    console = Console(soft_wrap=True)
    if given.data is None or not Path(given.data).is_dir():
        complain("feed: EVAL_DATA must name a folder of *.jsonl files with a `text` in each row")
        return 2
    try:
        settings = known_settings()
    except SettingsError as error:
        complain(f"feed: {error}")
        return 2
    lines = read_lines(Path(given.data), given.files)
    random.seed(given.seed)
    random.shuffle(lines)
    lines = lines[: given.limit]
    url = (given.url or address(settings)).rstrip("/")
    try:
        fed, took = asyncio.run(feed(url, settings, lines, given.at_once, console))
    except aiohttp.ClientError as error:
        complain(f"feed: no running demo at {url} ({error}); start one with `make run`")
        return 2
    made = report(fed, took)
    REPORT.parent.mkdir(exist_ok=True)
    REPORT.write_text(json.dumps(made, ensure_ascii=False, indent=1), "utf-8")
    show(console, fed, given.show)
    console.print()
    console.print(table(fed))
    console.print(
        f"{made['lines']} lines in {took:.0f} s, answered in {made['answer_seconds']} s, "
        f"{made['problems']} with a problem; all of them: {REPORT.relative_to(ROOT)}"
    )
    return 1 if made["problems"] else 0


if __name__ == "__main__":
    sys.exit(main())
