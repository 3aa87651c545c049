"""Starts Pitstop: checks the ports, prepares, runs the three processes, says where they are."""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import json
import os
import re
import signal
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pitstop.base.settings import ROOT, Settings, SettingsError
from tools.environment import environment, known_settings, python
from tools.ports import Wanted, problems
from tools.prepare import MODEL, prepare
from tools.steps import (
    StepFailed,
    Steps,
    complain,
    die_with_parent,
    say,
    stop_on_terminate,
)
from tools.supervisor import Logs, Supervisor, stop_ourselves

TOTAL = 7
START_LIMIT = 300.0  # seconds until /healthz must answer 200
REPORT_EVERY = 5.0


def processes(settings: Settings) -> dict[str, list[str]]:
    """Return the command of each process."""
    rasa = ["-m", "rasa", "run", "-i", settings.internal_host, "-p", str(settings.rasa_port)]
    rasa += ["--model", str(MODEL), "--endpoints", "endpoints.yml"]
    rasa += ["--credentials", "credentials.yml"]
    return {
        "rasa": [python(), *rasa],
        "actions": [python(), "-m", "bot.actions"],
        "app": [python(), "-m", "pitstop.app", "serve"],
    }


def wanted_ports(settings: Settings) -> list[Wanted]:
    """Return the ports that the processes listen on."""
    return [
        Wanted("app", settings.host, settings.port, "PORT"),
        Wanted("rasa", settings.internal_host, settings.rasa_port, "RASA_PORT"),
        Wanted("actions", settings.internal_host, settings.actions_port, "ACTIONS_PORT"),
    ]


def address(settings: Settings) -> str:
    """Return where a browser on this machine finds the app."""
    host = "127.0.0.1" if settings.host in {"0.0.0.0", "::", ""} else settings.host
    return f"http://{f'[{host}]' if ':' in host else host}:{settings.port}"


# No proxy stands between us and our own address, whatever the environment says.
_open = urllib.request.build_opener(urllib.request.ProxyHandler({})).open


def _get(url: str) -> tuple[int, Any]:
    """Return status and JSON; 0 while nobody answers."""
    try:
        with _open(url, timeout=5) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        try:
            return error.code, json.load(error)
        except ValueError:
            return error.code, {}
    except (OSError, ValueError):
        return 0, {}


class Watch(threading.Thread):
    """Waits until everything is ready, says what is missing, then where to go."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(daemon=True)
        self._settings = settings
        self.failed = False

    def run(self) -> None:
        """Poll ``/healthz`` until it is 200; stop everything if that takes too long."""
        began = reported = time.monotonic()
        while True:
            status, body = _get(f"{address(self._settings)}/healthz")
            now = time.monotonic()
            if status == 200:
                break
            missing = ", ".join(body.get("failed", [])) if status else "app"
            if now - began > START_LIMIT:
                complain(f"pitstop: not ready after {START_LIMIT:.0f} s; missing: {missing}")
                self.failed = True
                return stop_ourselves()
            if now - reported >= REPORT_EVERY:
                reported = now
                say(f"      waiting for: {missing} … {now - began:.0f} s")
            time.sleep(0.5)
        say(f"[{TOTAL}/{TOTAL}] starting: done in {time.monotonic() - began:.1f} s")
        say(greeting(self._settings, self._fixtures()))
        return None

    def _fixtures(self) -> dict[str, Any]:
        if not self._settings.demo:
            return {}
        status, body = _get(f"{address(self._settings)}/api/demo/fixtures")
        return body if status == 200 else {}


def greeting(settings: Settings, fixtures: dict[str, Any]) -> str:
    """Return the lines that say where everything is and who can log in."""
    at = address(settings)
    lines = ["", "Pitstop · 小驿 is running", f"  owners   {at}/chat", f"  desk     {at}/desk"]
    if fixtures:
        owners = "  ".join(row["name"] for row in fixtures.get("customers", []))
        lines += ["", "  demo owners (choose one on the page)", f"    {owners}"]
        lines += ["", "  demo log-ins for the desk"]
        for row in fixtures.get("staff", []):
            lines.append(f"    {row['role']:<11}{row['username']:<12}{row['password']}")
    return "\n".join(
        [*lines, "", f"  logs in {_shown(settings.var / 'log')}; Ctrl-C stops all", ""]
    )


def _shown(path: Path) -> str:
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else str(path)


def _follow_make(over: threading.Event) -> None:
    """Stop when `make` is told to: alone interrupted, it waits for us without a word.

    GNU make restores the default handling of the signal that it caught; Linux shows which signals
    a process catches. Elsewhere, and from a terminal, Ctrl-C reaches us directly.
    """
    status = Path(f"/proc/{os.getppid()}/status")

    def catches() -> bool:
        found = re.search(r"^SigCgt:\s*([0-9a-f]+)", status.read_text(), re.MULTILINE)
        return bool(found and int(found[1], 16) >> (signal.SIGINT - 1) & 1)

    try:
        # Started in the background, make ignores Ctrl-C: then there is nothing to follow.
        caught = catches()
        while caught and catches():
            if over.wait(0.5):
                return
    except OSError:
        return
    # From a terminal, the same Ctrl-C has reached us too.
    if caught and not over.wait(0.5):
        os.kill(os.getpid(), signal.SIGINT)


@contextlib.contextmanager
def in_use(var: Path) -> Iterator[None]:
    """Hold what `make reset` looks at, so that nothing is removed under a running app."""
    var.mkdir(parents=True, exist_ok=True)
    with (var / "running.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)
        yield


def supervise(settings: Settings) -> int:
    """Run the processes until one ends or somebody stops us."""
    say(f"[{TOTAL}/{TOTAL}] starting …")
    watch = Watch(settings)
    logs = Logs(settings.var / "log", loud=os.environ.get("VERBOSE") == "1")
    supervisor = Supervisor(logs, started=watch.start)
    env = environment(settings)
    for name, command in processes(settings).items():
        supervisor.add(name, command, env, ROOT)
    code = supervisor.run()
    dead = supervisor.first_dead
    if dead is not None:
        complain(f"pitstop: {dead} ended by itself, so everything was stopped. Its last lines")
        complain(f"(all of them: {_shown(logs.path(dead))}):")
        complain("\n".join("    " + line for line in logs.last(dead)) or "    (no output)")
        return 1
    say("stopped; nothing is left running")
    return 1 if watch.failed else code


def main(arguments: list[str] | None = None) -> int:
    """Start; 0 after Ctrl-C, else what went wrong."""
    parser = argparse.ArgumentParser(prog="python -m tools.run", description=__doc__)
    parser.add_argument("--under-make", action="store_true", help="end when make does")
    given = parser.parse_args(arguments)
    stop_on_terminate()
    over = threading.Event()
    if given.under_make:
        die_with_parent(signal.SIGTERM)
        threading.Thread(target=_follow_make, args=(over,), daemon=True).start()
    try:
        settings = known_settings()
        taken = problems(wanted_ports(settings))
        if taken:
            raise StepFailed("\n         ".join(taken))
        with in_use(settings.var):
            prepare(settings, Steps(TOTAL, done=2))
            code = supervise(settings)
    except (StepFailed, SettingsError) as error:
        complain(f"pitstop: {error}")
        return 1
    except KeyboardInterrupt:
        say("stopped; nothing is left running")
        return 0
    finally:
        over.set()
    # Ctrl-C and SIGTERM are how this is meant to end.
    return 0 if code in (130, 143) else code


if __name__ == "__main__":
    sys.exit(main())
