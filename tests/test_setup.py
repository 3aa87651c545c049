"""Setting up and starting: what a newcomer sees when something is missing or in the way."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pitstop.base.settings import DEMO_SECRETS, ROOT, SettingsError, read_settings
from tools import ports, reset, setup
from tools.environment import environment, known_settings
from tools.prepare import Made
from tools.run import address, greeting, processes, wanted_ports
from tools.steps import StepFailed, Steps, run_logged
from tools.supervisor import Logs


def fake_python(folder: Path, version: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "python3.10"
    path.write_text(f"#!/bin/sh\necho {version}\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def nothing_installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A machine whose only Python is too new; returns its home folder."""
    home = tmp_path / "home"
    home.mkdir()
    for name in ("PITSTOP_PYTHON", "PYENV_ROOT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setattr(sys, "executable", str(fake_python(tmp_path / "new", "3.13.0")))
    kept = setup.candidates

    def here() -> Iterator[str]:
        return (path for path in kept() if path.startswith(str(tmp_path)))

    monkeypatch.setattr(setup, "candidates", here)
    return home


# ---- finding Python ----------------------------------------------------------------------------


def test_no_python_is_found_where_there_is_none(nothing_installed: Path, tmp_path: Path) -> None:
    assert setup.find_python(setup.Layout(tmp_path)) is None


def test_a_python_on_the_path_is_found(nothing_installed: Path, tmp_path: Path) -> None:
    expected = fake_python(tmp_path / "bin", "3.10.4")
    assert setup.find_python(setup.Layout(tmp_path)) == str(expected)


def test_a_python_that_does_not_run_is_passed_over(nothing_installed: Path, tmp_path: Path) -> None:
    fake_python(tmp_path / "bin", "3.10.4").write_text("#!/bin/sh\nexit 127\n")
    assert setup.find_python(setup.Layout(tmp_path)) is None


def test_the_newest_of_pyenvs_is_taken(nothing_installed: Path, tmp_path: Path) -> None:
    for version in ("3.10.9", "3.10.13", "3.11.7"):
        folder = nothing_installed / ".pyenv" / "versions" / version / "bin"
        fake_python(folder, version).rename(folder / "python")
    found = setup.find_python(setup.Layout(tmp_path))
    assert found is not None and "/3.10.13/" in found


def test_the_python_one_names_comes_first(
    nothing_installed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_python(tmp_path / "bin", "3.10.4")
    named = fake_python(tmp_path / "mine", "3.10.1")
    monkeypatch.setenv("PITSTOP_PYTHON", str(named))
    assert setup.find_python(setup.Layout(tmp_path)) == str(named)


def test_the_environment_itself_is_not_what_it_is_built_from(
    nothing_installed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_python(tmp_path / ".venv" / "bin", "3.10.4")
    monkeypatch.setenv("PATH", str(tmp_path / ".venv" / "bin"))
    assert setup.find_python(setup.Layout(tmp_path)) is None


def test_without_python_one_is_told_what_to_do(tmp_path: Path) -> None:
    # A machine with Python 3.10 nowhere, uv nowhere, and no network: the set-up's own words.
    layout = setup.Layout(tmp_path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(setup, "find_python", lambda _layout: None)
        patch.setattr(setup, "fetch_python", lambda _layout: None)
        (tmp_path / "requirements").mkdir()
        layout.lock("run").write_text("")
        with pytest.raises(StepFailed, match=r"no Python 3\.10 found(.|\n)*PITSTOP_PYTHON"):
            setup.set_up(layout, ["run"], Steps(2))
    assert not layout.venv.exists()


# ---- the stamp ---------------------------------------------------------------------------------


@pytest.fixture
def built(tmp_path: Path) -> setup.Layout:
    """An environment that was built from both lock files."""
    layout = setup.Layout(tmp_path)
    (tmp_path / "requirements").mkdir()
    for name in ("run", "dev"):
        layout.lock(name).write_text(f"{name}==1\n")
    fake_python(layout.python.parent, "3.10.13").rename(layout.python)
    (layout.venv / "pyvenv.cfg").write_text("")
    digests = {name: setup.digest(layout.lock(name)) for name in ("run", "dev")}
    setup.write_stamp(layout, {"python": "3.10.13", **digests})
    return layout


def test_what_is_installed_is_not_installed_again(built: setup.Layout) -> None:
    assert setup.is_current(built, ["run"])
    assert setup.is_current(built, ["run", "dev"])


def test_a_changed_lock_is_noticed(built: setup.Layout) -> None:
    built.lock("dev").write_text("dev==2\n")
    assert setup.is_current(built, ["run"])
    assert not setup.is_current(built, ["run", "dev"])


def test_another_python_is_noticed(built: setup.Layout) -> None:
    fake_python(built.python.parent, "3.10.14").rename(built.python)
    assert not setup.is_current(built, ["run"])


@pytest.mark.parametrize("left", ["", "{", "[]", '{"python": "3.10.13"}'])
def test_an_unfinished_stamp_counts_as_none(built: setup.Layout, left: str) -> None:
    built.stamp.write_text(left)
    assert not setup.is_current(built, ["run"])


def test_a_failed_installation_is_not_taken_for_done(
    built: setup.Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_network(_layout: setup.Layout, _names: object) -> None:
        raise StepFailed("no network")

    monkeypatch.setattr(setup, "install", no_network)
    monkeypatch.setattr(setup, "make_venv", lambda _layout, _python: None)
    built.lock("run").write_text("run==2\n")
    with pytest.raises(StepFailed):
        setup.set_up(built, ["run"], Steps(2))
    built.lock("run").write_text("run==1\n")
    assert not setup.is_current(built, ["run"])


def test_a_run_keeps_what_the_tests_installed(
    built: setup.Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[list[str]] = []
    monkeypatch.setattr(setup, "install", lambda _layout, names: asked.append(list(names)))
    built.lock("run").write_text("run==2\n")
    setup.set_up(built, ["run"], Steps(2))
    assert asked == [["run", "dev"]]
    assert setup.is_current(built, ["run", "dev"])


def test_what_is_made_is_made_again_only_when_its_sources_change(tmp_path: Path) -> None:
    source = tmp_path / "data" / "greet.yml"
    source.parent.mkdir()
    source.write_text("one")

    def made() -> Made:
        return Made(tmp_path, Path("model"), Path("var/model.stamp"), [Path("data")])

    assert not made().is_current()
    first = made()
    first.begin()
    (tmp_path / "model").write_text("trained")
    assert not made().is_current(), "killed before the end: to be made again"
    first.finish()
    assert made().is_current()
    (source.parent / "__pycache__").mkdir()
    (source.parent / "__pycache__" / "greet.pyc").write_text("bytes")
    assert made().is_current()
    source.write_text("two")
    assert not made().is_current()
    source.write_text("one")
    (tmp_path / "model").unlink()
    assert not made().is_current()


def test_a_step_that_makes_nothing_has_failed(tmp_path: Path) -> None:
    made = Made(tmp_path, Path("model"), Path("model.stamp"), [])
    made.begin()
    with pytest.raises(StepFailed, match="was not made"):
        made.finish()
    assert not made.is_current()


def test_a_failing_command_shows_its_last_lines(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "print('the reason'); raise SystemExit(3)"]
    with pytest.raises(StepFailed, match=r"ended with 3(.|\n)*the reason"):
        run_logged(command, tmp_path / "log" / "step.log", cwd=tmp_path)


# ---- ports -------------------------------------------------------------------------------------


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        yield holder.getsockname()[1]


def test_a_taken_port_is_named_with_its_variable_and_holder(taken: int) -> None:
    told = ports.problems([ports.Wanted("rasa", "127.0.0.1", taken, "RASA_PORT")])
    assert len(told) == 1
    assert f"port {taken} (rasa) is taken" in told[0]
    assert f"RASA_PORT={taken + 1}" in told[0]
    if sys.platform == "linux":
        assert f"(pid {os.getpid()})" in told[0]


def test_a_free_port_is_no_problem() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    assert ports.problems([ports.Wanted("app", "127.0.0.1", port, "PORT")]) == []


def test_two_processes_on_one_port_are_noticed() -> None:
    settings = read_settings({"DEMO": "1", "PORT": "5055"})
    assert any(
        "ACTIONS_PORT and PORT are both 5055" in line
        for line in ports.problems(wanted_ports(settings))
    )


def test_a_start_on_a_taken_port_stops_before_anything_else(taken: int, tmp_path: Path) -> None:
    env = {**os.environ, "PORT": str(taken), "PITSTOP_VAR": str(tmp_path / "var"), "DEMO": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "tools.run"], cwd=ROOT, env=env, capture_output=True, text=True
    )
    assert done.returncode == 1
    assert f"port {taken} (app) is taken" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "var").exists()


# ---- settings ----------------------------------------------------------------------------------

REAL = {
    "DEMO": "0",
    "OWNER_JWT_SECRET": "a-secret-of-our-own",
    "RASA_TOKEN": "a-token-of-our-own",
    "ACTIONS_TOKEN": "another-token-of-our-own",
    "DATA_KEY": "a-key-of-our-own",
}


def test_with_real_secrets_the_settings_are_read() -> None:
    assert not read_settings(REAL).demo


@pytest.mark.parametrize("name", sorted(DEMO_SECRETS))
@pytest.mark.parametrize("value", ["", None, "demo"])
def test_without_the_demo_each_secret_must_be_ones_own(name: str, value: str | None) -> None:
    env = {**REAL, name: DEMO_SECRETS[name] if value == "demo" else value or ""}
    if value is None:
        del env[name]
    with pytest.raises(SettingsError, match=name):
        read_settings(env)


def test_a_start_without_secrets_says_which_and_starts_nothing(tmp_path: Path) -> None:
    env = {k: v for k, v in os.environ.items() if k not in DEMO_SECRETS}
    env |= {"DEMO": "0", "PITSTOP_VAR": str(tmp_path / "var")}
    done = subprocess.run(
        [sys.executable, "-m", "tools.run"], cwd=ROOT, env=env, capture_output=True, text=True
    )
    assert done.returncode == 1
    assert "OWNER_JWT_SECRET is not set" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "var").exists()


@pytest.mark.parametrize("value", ["0", "65536", "http", "-1"])
def test_a_port_that_is_none_is_refused(value: str) -> None:
    with pytest.raises(SettingsError, match="RASA_PORT"):
        known_settings({"RASA_PORT": value})


def test_starting_is_a_demo_unless_one_says_otherwise() -> None:
    assert known_settings({}).demo
    assert known_settings({"DEMO": ""}).demo
    with pytest.raises(SettingsError):
        known_settings({"DEMO": "0"})


def test_processes_are_told_the_settings_and_no_telemetry() -> None:
    given = {"RASA_PORT": "6005", "DATABASE_URL": "postgresql://u@h/d"}
    settings = known_settings(given)
    env = environment(settings, given)
    assert env["RASA_TELEMETRY_ENABLED"] == "false"
    assert env["DEMO"] == "1"
    assert read_settings(env) == settings
    assert "6005" in processes(settings)["rasa"]


def test_the_greeting_names_addresses_and_log_ins() -> None:
    fixtures = {
        "customers": [{"name": "owner-one"}],
        "staff": [{"username": "agent1", "password": "word", "role": "agent"}],
    }
    told = greeting(known_settings({"PORT": "9090"}), fixtures)
    assert "http://127.0.0.1:9090/chat" in told and "http://127.0.0.1:9090/desk" in told
    assert "owner-one" in told and "agent1" in told and "word" in told


def test_an_open_address_is_reached_over_loopback() -> None:
    assert address(known_settings({"HOST": "0.0.0.0"})) == "http://127.0.0.1:8080"


# ---- the processes together --------------------------------------------------------------------

HOUSEHOLD = """
import sys
from pathlib import Path
from tools.supervisor import Logs, Supervisor

if __name__ == "__main__":
    folder = Path(sys.argv[1])
    supervisor = Supervisor(Logs(folder))
    for name, code in zip(("one", "two", "three"), sys.argv[2:]):
        supervisor.add(name, [sys.executable, "-u", "-c", code], {"HOME": str(folder)}, folder)
    status = supervisor.run()
    print("dead:", supervisor.first_dead)
    print("last:", supervisor.logs.last(supervisor.first_dead or "one"))
    sys.exit(status)
"""

# Says its pid, and has a child of its own.
STAYS = textwrap.dedent(
    """
    import os, subprocess, sys, time
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(300)"])
    print(os.getpid(), child.pid, flush=True)
    time.sleep(300)
    """
)
STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + STAYS


def household(folder: Path, *codes: str) -> subprocess.Popen[str]:
    script = folder / "household.py"
    script.write_text(HOUSEHOLD)
    return subprocess.Popen(
        [sys.executable, str(script), str(folder), *codes],
        # Not the environment of the make that runs this suite: it would announce its folder.
        env={
            **{k: v for k, v in os.environ.items() if not k.startswith("MAKE")},
            "PYTHONPATH": str(ROOT),
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def pids(folder: Path, *names: str) -> list[int]:
    """Wait until the processes have said who they are."""
    found: list[int] = []
    for name in names:
        log = folder / f"{name}.log"
        until = time.monotonic() + 30
        while not (log.exists() and log.read_text().strip()):
            assert time.monotonic() < until, f"{name} did not start"
            time.sleep(0.05)
        found += [int(word) for word in log.read_text().split()]
    return found


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def all_gone(found: list[int], within: float = 20.0) -> bool:
    until = time.monotonic() + within
    while time.monotonic() < until:
        if not any(alive(pid) for pid in found):
            return True
        time.sleep(0.1)
    return False


needs_proc = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")


@needs_proc
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_stopping_leaves_nothing_running(tmp_path: Path, how: signal.Signals) -> None:
    running = household(tmp_path, STAYS, STAYS, STAYS)
    found = pids(tmp_path, "one", "two", "three")
    running.send_signal(how)
    output, _ = running.communicate(timeout=60)
    assert all_gone(found, within=1)
    assert len(found) == 6
    assert "dead: None" in output


@needs_proc
def test_one_that_ignores_the_word_is_killed(tmp_path: Path) -> None:
    running = household(tmp_path, STUBBORN)
    found = pids(tmp_path, "one")
    running.send_signal(signal.SIGTERM)
    running.communicate(timeout=60)
    assert all_gone(found, within=1)


@needs_proc
def test_one_that_dies_takes_the_others_down_and_is_named(tmp_path: Path) -> None:
    dies = "import sys, time; time.sleep(1); print('no memory left'); sys.exit(7)"
    running = household(tmp_path, STAYS, dies)
    found = pids(tmp_path, "one")
    output, _ = running.communicate(timeout=60)
    assert running.returncode == 7
    assert "dead: two" in output and "no memory left" in output
    assert "no memory left" in (tmp_path / "two.log").read_text()
    assert all_gone(found, within=1)


@needs_proc
def test_stopping_at_once_leaves_nothing_running(tmp_path: Path) -> None:
    running = household(tmp_path, STAYS, STAYS)
    time.sleep(0.3)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(running.pid, signal.SIGINT)
    running.communicate(timeout=60)
    logs = [tmp_path / f"{name}.log" for name in ("one", "two")]
    found = [int(word) for log in logs if log.exists() for word in log.read_text().split()]
    assert all_gone(found, within=1)


@needs_proc
def test_killed_outright_the_children_notice(tmp_path: Path) -> None:
    quiet = "import os, time; print(os.getpid(), flush=True); time.sleep(300)"
    running = household(tmp_path, quiet, quiet)
    found = pids(tmp_path, "one", "two")
    running.kill()
    running.wait(timeout=30)
    assert all_gone(found)
    assert running.stdout is not None
    running.stdout.close()


UNDER_MAKE = """
import os, threading
from tools import run

if __name__ == "__main__":
    threading.Thread(target=run._follow_make, args=(threading.Event(),), daemon=True).start()
    print(os.getpid(), flush=True)
    try:
        threading.Event().wait(60)
    except KeyboardInterrupt:
        print("interrupted", flush=True)
"""


@needs_proc
def test_an_interrupt_of_make_alone_reaches_what_it_started(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(UNDER_MAKE)
    (tmp_path / "Makefile").write_text(f"run:\n\t@exec {sys.executable} script.py\n")
    make = subprocess.Popen(
        ["make", "run"],
        cwd=tmp_path,
        env={
            **{k: v for k, v in os.environ.items() if not k.startswith("MAKE")},
            "PYTHONPATH": str(ROOT),
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )
    assert make.stdout is not None
    started = int(make.stdout.readline())
    time.sleep(0.7)
    make.send_signal(signal.SIGINT)
    output, _ = make.communicate(timeout=30)
    assert "interrupted" in output
    assert all_gone([started], within=1)


def test_logs_remember_the_last_lines(tmp_path: Path) -> None:
    logs = Logs(tmp_path)
    assert logs.last("app") == []
    assert logs.path("app") == tmp_path / "app.log"


# ---- reset -------------------------------------------------------------------------------------


def test_reset_removes_data_and_keeps_what_takes_minutes(tmp_path: Path) -> None:
    for name in ("pitstop.db", "pitstop.db-wal", "tracker-pitstop.db", "setup.lock"):
        (tmp_path / name).write_text("x")
    for name in ("log", "attachments", "models", "spacy", "cache", "tools"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text("x")
    reset.remove_data(tmp_path)
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {"models", "spacy", "cache", "tools", "setup.lock"}


def test_make_help_has_a_line_for_every_target() -> None:
    done = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True)
    for target in ("run", "test", "lint", "typecheck", "evaluate", "reset", "help"):
        assert f"  make {target} " in done.stdout
