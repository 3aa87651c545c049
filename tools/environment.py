"""What every process of a start is told: the settings, spelled out as environment variables."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from pitstop.base.processor import tell_blas
from pitstop.base.settings import ROOT, Settings, read_settings

PYTHON = str(ROOT / ".venv" / "bin" / "python")


def demo_by_default(env: Mapping[str, str]) -> dict[str, str]:
    """Return `env` with ``DEMO=1`` unless it says otherwise: `make run` shows the demo."""
    return {**env, "DEMO": env.get("DEMO") or "1"}


def known_settings(env: Mapping[str, str] | None = None) -> Settings:
    """Read the settings as `make run` does; raises `SettingsError`."""
    return read_settings(demo_by_default(os.environ if env is None else env))


def environment(settings: Settings, env: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the environment of the processes: yours, the settings, and quiet neighbours."""
    given = demo_by_default(os.environ if env is None else env)
    told = {
        "HOST": settings.host,
        "PORT": str(settings.port),
        "RASA_PORT": str(settings.rasa_port),
        "ACTIONS_PORT": str(settings.actions_port),
        "INTERNAL_HOST": settings.internal_host,
        "RASA_URL": settings.rasa_url,
        "ACTIONS_URL": settings.actions_url,
        "DATABASE_URL": settings.database_url,
        "TRACKER_DATABASE_URL": settings.tracker_database_url,
        "RASA_TOKEN": settings.rasa_token,
        "ACTIONS_TOKEN": settings.actions_token,
        "DATA_KEY": settings.data_key,
        "PITSTOP_VAR": str(settings.var),
        "PYTHONUNBUFFERED": "1",
        "PYTHONPATH": _python_path(given),
        "RASA_TELEMETRY_ENABLED": "false",
        "RASA_CACHE_DIRECTORY": str(ROOT / "var" / "cache" / "rasa"),
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "MPLCONFIGDIR": str(ROOT / "var" / "cache" / "matplotlib"),
        # Rasa's 1.4-style queries are its own business.
        "SQLALCHEMY_SILENCE_UBER_WARNING": "1",
        # Longer than the gateway keeps a connection, so that it is never closed under a request.
        "SANIC_KEEP_ALIVE_TIMEOUT": "75",
    }
    processes = {**given, **told}
    tell_blas(processes)
    return processes


def _python_path(env: Mapping[str, str]) -> str:
    """Rasa loads ``bot.…`` by name, so the repository must be on the path."""
    rest = env.get("PYTHONPATH", "")
    return f"{ROOT}{os.pathsep}{rest}" if rest else str(ROOT)


def python() -> str:
    """Return the Python to start processes with."""
    return PYTHON if Path(PYTHON).exists() else sys.executable
