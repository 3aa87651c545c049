"""The whole of Pitstop as `make run` starts it, on free ports and with a database of its own."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests
import sqlalchemy as sa

from knowledge_base.tables import Vector
from pitstop.base.settings import ROOT, Settings, read_settings
from tools.environment import environment, python
from tools.prepare import fingerprint
from tools.run import processes
from tools.setup import alone
from tools.steps import die_with_parent

MONDAY = "2026-11-23T10:00:00+08:00"
"""A working day on which every store of the demo is open."""

TEMPLATES = ROOT / "var" / "test"
# What a seeded database is made from.
SEEDED_FROM = (
    Path("pitstop/app/demo"),
    Path("pitstop/care"),
    Path("pitstop/conversation/tables.py"),
    Path("pitstop/storage"),
    Path("pitstop/language"),
    Path("knowledge_base"),
    Path("requirements/run.lock"),
)
WRITTEN = (
    "booking",
    "booking_change",
    "tick",
    "case_file",
    "case_step",
    "handoff",
    "survey",
    "feedback",
    "vehicle_link",
)
READY_WITHIN = 180.0  # seconds


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_for(check: Callable[[], Any], seconds: float = 10, what: str = "it") -> Any:
    """Wait until `check` returns something true, and return it."""
    deadline = time.monotonic() + seconds
    while True:
        found = check()
        if found:
            return found
        assert time.monotonic() < deadline, f"{what} never came to be"
        time.sleep(0.05)


def settings_for(var: Path, database_url: str, **more: str) -> tuple[Settings, dict[str, str]]:
    """Return settings on free ports, and the environment that says the same to a process."""
    given = {
        name: value
        for name, value in os.environ.items()
        if name not in {"DATABASE_URL", "TRACKER_DATABASE_URL", "HOST", "RASA_URL", "ACTIONS_URL"}
    }
    given |= {
        "DEMO": "1",
        "PITSTOP_VAR": str(var),
        "DATABASE_URL": database_url,
        "PORT": str(free_port()),
        "RASA_PORT": str(free_port()),
        "ACTIONS_PORT": str(free_port()),
        **more,
    }
    settings = read_settings(given)
    return settings, environment(settings, given)


def prepare_database(var: Path, database_url: str, earlier: Path | None = None) -> None:
    """Migrate and seed a database with the product's own commands.

    Encoding every question takes a minute or more; what an `earlier` database has encoded is
    taken over from there.
    """
    _, env = settings_for(var, database_url)
    _run(env, "pitstop.app", "migrate")
    if earlier is not None and earlier.exists():
        _take_over_vectors(earlier, _sync(database_url))
    _run(env, "knowledge_base", "seed")
    _run(env, "pitstop.app", "seed")


def _run(env: Mapping[str, str], *module: str) -> None:
    done = subprocess.run(
        [python(), "-m", *module],
        cwd=ROOT,
        env=dict(env),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{module}: {done.stdout[-2000:]}{done.stderr[-2000:]}"


def _take_over_vectors(earlier: Path, url: str) -> None:
    with contextlib.closing(sqlite3.connect(earlier)) as connection:
        found = connection.execute("SELECT text_hash, encoder, data FROM kb_vector").fetchall()
    engine = sa.create_engine(url, future=True)
    rows = [{"text_hash": key, "encoder": name, "data": data} for key, name, data in found]
    Vector.__table__.create(engine, checkfirst=True)
    with engine.begin() as connection:
        if rows:
            connection.execute(sa.insert(Vector.__table__), rows)
    engine.dispose()


def _sync(database_url: str) -> str:
    """Return the address of the same database for a driver without asyncio."""
    return database_url.replace("+aiosqlite", "").replace("+asyncpg", "+psycopg2")


def sqlite_template() -> Path:
    """Return a migrated and seeded database, made once for what it is made from."""
    key = fingerprint(ROOT, SEEDED_FROM)[:16]
    made = TEMPLATES / f"seeded-{key}.db"
    TEMPLATES.mkdir(parents=True, exist_ok=True)
    with alone(TEMPLATES / "seeded.lock"):
        if not made.exists():
            making = TEMPLATES / "unfinished.db"
            making.unlink(missing_ok=True)
            before = sorted(TEMPLATES.glob("seeded-*.db"), key=lambda path: path.stat().st_mtime)
            prepare_database(
                TEMPLATES, f"sqlite+aiosqlite:///{making}", before[-1] if before else None
            )
            with contextlib.closing(sqlite3.connect(making)) as connection:
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
                connection.execute("PRAGMA journal_mode=DELETE")
            making.replace(made)
            for old in before:
                old.unlink(missing_ok=True)
    return made


@contextmanager
def sqlite_database(var: Path) -> Iterator[str]:
    """Give a seeded SQLite database under `var`."""
    path = var / "pitstop.db"
    shutil.copyfile(sqlite_template(), path)
    yield f"sqlite+aiosqlite:///{path}"


@contextmanager
def postgres_database(server: str, var: Path) -> Iterator[str]:
    """Create a seeded database on a PostgreSQL server, and drop it in the end."""
    base = server.replace("postgresql+asyncpg://", "postgresql://", 1)
    name = f"pitstop_stack_{os.getpid()}"
    admin = sa.create_engine(
        base.replace("postgresql://", "postgresql+psycopg2://", 1), isolation_level="AUTOCOMMIT"
    )
    url = sa.engine.make_url(base).set(drivername="postgresql+asyncpg", database=name)
    try:
        with admin.connect() as connection:
            connection.execute(sa.text(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)"))
            connection.execute(sa.text(f"CREATE DATABASE {name}"))
        shown = url.render_as_string(hide_password=False)
        prepare_database(var, shown, sqlite_template())
        yield shown
    finally:
        with admin.connect() as connection:
            connection.execute(sa.text(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)"))
        admin.dispose()


def postgres_server() -> str | None:
    """Return the address of a PostgreSQL that answers, None if there is none."""
    server = os.environ.get("TEST_POSTGRES", "postgresql://postgres@127.0.0.1:5432/postgres")
    engine = sa.create_engine(
        server.replace("postgresql://", "postgresql+psycopg2://", 1),
        connect_args={"connect_timeout": 3},
    )
    try:
        with engine.connect():
            return server
    except sa.exc.OperationalError:
        return None
    finally:
        engine.dispose()


class Stack:
    """Three processes, the demo's clock, and a look into the database behind them."""

    def __init__(self, settings: Settings, env: Mapping[str, str]) -> None:
        self.settings = settings
        self.url = f"http://127.0.0.1:{settings.port}"
        self._env = dict(env)
        self._commands = processes(settings)
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._offset: float | None = None
        self._serial = 0
        self._numbering = threading.Lock()
        self.engine = sa.create_engine(
            _sync(settings.database_url), future=True, poolclass=sa.pool.NullPool
        )
        self.trackers = sa.create_engine(
            settings.tracker_database_url, future=True, poolclass=sa.pool.NullPool
        )
        self.http = requests.Session()
        self.http.trust_env = False  # no proxy stands between us and loopback

    # ---- processes -------------------------------------------------------------------------------

    def start(self, *names: str) -> None:
        """Start processes, all of them by default, each with a log under ``var``."""
        for name in names or self._commands:
            path = self.settings.var / f"{name}.log"
            with path.open("ab") as log:
                self._running[name] = subprocess.Popen(
                    self._commands[name],
                    cwd=ROOT,
                    env=self._env,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                    # A test run that is killed leaves nobody behind.
                    preexec_fn=die_with_parent,
                )

    def signal(self, name: str, number: signal.Signals) -> None:
        """Send a signal to one process."""
        self._running[name].send_signal(number)

    def kill(self, name: str) -> None:
        """Kill one process as a crash would: no chance to say goodbye."""
        process = self._running[name]
        process.send_signal(signal.SIGKILL)
        process.wait(10)

    def pid(self, name: str) -> int:
        """Return the process id."""
        return self._running[name].pid

    def restart(self, name: str) -> None:
        """Start a killed process again and wait until everything is well."""
        self.start(name)
        self.wait_ready()

    def wait_ready(self, seconds: float = READY_WITHIN) -> None:
        """Wait for ``/healthz`` to be 200; raises with the log of what died meanwhile."""
        deadline = time.monotonic() + seconds
        while True:
            for name, process in self._running.items():
                assert process.poll() is None, f"{name} ended:\n{self.log(name)[-3000:]}"
            if self.health()[0] == 200:
                return
            assert time.monotonic() < deadline, f"not ready: {self.health()}"
            time.sleep(0.2)

    def health(self) -> tuple[int, dict[str, Any]]:
        """Return what ``/healthz`` says; 0 while nobody answers."""
        try:
            answer = self.http.get(f"{self.url}/healthz", timeout=8)
        except requests.RequestException:
            return 0, {}
        return answer.status_code, answer.json()

    def log(self, name: str) -> str:
        """Return what a process has written."""
        path = self.settings.var / f"{name}.log"
        return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""

    def stop(self) -> None:
        """End every process; the ones that do not listen are killed."""
        for process in self._running.values():
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGCONT)
                process.terminate()
        for process in self._running.values():
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(10)
        self.http.close()
        self.engine.dispose()
        self.trackers.dispose()

    def sockets(self, table: str) -> list[tuple[str, int]]:
        """Return the addresses (hexadecimal, as Linux has them) and ports listened on."""
        lines = Path(f"/proc/net/{table}").read_text().splitlines()[1:]
        found = [line.split() for line in lines]
        locals_ = [row[1].rsplit(":", 1) for row in found if row[3] == "0A"]
        return [(address, int(port, 16)) for address, port in locals_]

    def remotes(self) -> set[str]:
        """Return the addresses (hexadecimal) that our processes hold connections to."""
        inodes: set[str] = set()
        for process in self._running.values():
            for entry in Path(f"/proc/{process.pid}/fd").iterdir():
                with contextlib.suppress(OSError):
                    target = str(entry.readlink())
                    if target.startswith("socket:["):
                        inodes.add(target[8:-1])
        lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
        rows = [line.split() for line in lines]
        return {row[2].rsplit(":", 1)[0] for row in rows if row[9] in inodes and row[3] != "0A"}

    # ---- the demo --------------------------------------------------------------------------------

    def begin(self) -> None:
        """Put everything back to how the demo begins, at `MONDAY`."""
        self.set_clock(MONDAY)
        answer = self.http.post(f"{self.url}/api/demo/reset", timeout=30)
        assert answer.status_code == 200, answer.text

    def set_clock(self, now: str) -> None:
        """Put all processes to a time; returns once they have taken it."""
        answer = self.http.post(f"{self.url}/api/demo/clock", json={"now": now}, timeout=10)
        assert answer.status_code == 200, answer.text
        offset = float(answer.json()["offset_seconds"])
        if self._offset is None or abs(offset - self._offset) > 600:
            time.sleep(1.0)  # the contract's promise
        self._offset = offset

    def fixtures(self) -> dict[str, Any]:
        """Return the demo's people and places."""
        found: dict[str, Any] = self.http.get(f"{self.url}/api/demo/fixtures", timeout=10).json()
        return found

    def new_id(self) -> str:
        """Return a message id that no test has used."""
        with self._numbering:
            self._serial += 1
            return f"{os.getpid()}-{time.time_ns()}-{self._serial}"

    # ---- the database ----------------------------------------------------------------------------

    def rows(self, table: str, **where: Any) -> list[dict[str, Any]]:
        """Return rows of a table as they are stored (encrypted columns stay so)."""
        condition = " AND ".join(f'"{name}" = :{name}' for name in where) or "1 = 1"
        with self.engine.connect() as connection:
            found = connection.execute(sa.text(f'SELECT * FROM "{table}" WHERE {condition}'), where)
            return [dict(row) for row in found.mappings()]

    def count(self, table: str, **where: Any) -> int:
        """Return how many rows there are."""
        return len(self.rows(table, **where))

    def everything(self) -> dict[str, int]:
        """Return how much was done for owners, by table: a refusal changes none of it."""
        return {name: self.count(name) for name in WRITTEN}

    def tracker_rows(self, conversation_id: str) -> list[dict[str, Any]]:
        """Return what Rasa stores of a conversation."""
        with self.trackers.connect() as connection:
            found = connection.execute(
                sa.text("SELECT * FROM events WHERE sender_id LIKE :who ORDER BY id"),
                {"who": f"{conversation_id}:%"},
            )
            return [dict(row) for row in found.mappings()]
