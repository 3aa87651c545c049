"""Every setting, read once from the environment; documented in ``docs/configuration.md``."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

# With DEMO=1 these stand in for secrets that nobody set. They are public, so DEMO=0 refuses them.
DEMO_SECRETS: Mapping[str, str] = {
    "OWNER_JWT_SECRET": "demo-owner-jwt-secret-not-for-production",
    "RASA_TOKEN": "demo-rasa-token",
    "ACTIONS_TOKEN": "demo-actions-token",
    "DATA_KEY": "demo-data-key-not-for-production",
}


class SettingsError(ValueError):
    """The environment cannot be used; the message says which variable and what to do."""


@dataclass(frozen=True)
class Settings:
    """What a process needs to know of its surroundings."""

    demo: bool
    host: str
    port: int
    rasa_port: int
    actions_port: int
    internal_host: str
    rasa_url: str
    actions_url: str
    database_url: str
    tracker_database_url: str
    redis_url: str | None
    rabbitmq_url: str | None
    owner_jwt_secret: str | None
    owner_jwt_public_key: str | None
    rasa_token: str
    actions_token: str
    data_key: str
    complaints_api_keys: Mapping[str, str]
    var: Path
    turn_timeout: float
    allowed_origins: tuple[str, ...]
    secure_cookies: bool
    worker: bool = True
    wechat_token: str | None = None


def _flag(env: Mapping[str, str], name: str, default: str) -> bool:
    value = env.get(name, default).strip().lower()
    if value in {"1", "true", "yes", "on"}:
        return True
    if value in {"0", "false", "no", "off", ""}:
        return False
    raise SettingsError(f"{name}={value!r}: use 1 or 0")


def _port(env: Mapping[str, str], name: str, default: int) -> int:
    raw = env.get(name) or str(default)
    if not raw.isdigit() or not 0 < int(raw) < 65536:
        raise SettingsError(f"{name}={raw!r}: a port is a number between 1 and 65535")
    return int(raw)


def _seconds(env: Mapping[str, str], name: str, default: float) -> float:
    raw = env.get(name) or str(default)
    try:
        value = float(raw)
    except ValueError as error:
        raise SettingsError(f"{name}={raw!r}: a number of seconds, e.g. 10") from error
    if not 0 < value < 3600:
        raise SettingsError(f"{name}={raw!r}: between 0 and 3600 seconds")
    return value


def _secret(env: Mapping[str, str], name: str, demo: bool) -> str:
    value = env.get(name, "")
    if demo:
        return value or DEMO_SECRETS[name]
    if not value:
        raise SettingsError(
            f"{name} is not set; with DEMO=0 it must be (see docs/configuration.md)"
        )
    if value in DEMO_SECRETS.values():
        raise SettingsError(f"{name} is the public demo value; with DEMO=0 set one of your own")
    return value


def _api_keys(raw: str) -> dict[str, str]:
    """Read ``source:key,source:key``; a bare key is its own source."""
    keys: dict[str, str] = {}
    for item in filter(None, (part.strip() for part in raw.split(","))):
        source, _, key = item.rpartition(":")
        keys[key] = source or "api"
    return keys


def var_folder(env: Mapping[str, str]) -> Path:
    """Return the folder of what the product writes."""
    return Path(env.get("PITSTOP_VAR") or ROOT / "var").resolve()


def database_url(env: Mapping[str, str]) -> str:
    """Return where the data is: all that a command which serves nobody needs, and no secret.

    Raises `SettingsError`.
    """
    url = env.get("DATABASE_URL") or f"sqlite+aiosqlite:///{var_folder(env) / 'pitstop.db'}"
    if url.startswith(("postgresql://", "postgres://")):
        url = "postgresql+asyncpg://" + url.split("://", 1)[1]
    if not url.startswith(("sqlite+aiosqlite://", "postgresql+asyncpg://")):
        raise SettingsError(
            "DATABASE_URL must start with sqlite+aiosqlite:// or postgresql+asyncpg://"
        )
    return url


def read_settings(env: Mapping[str, str]) -> Settings:
    """Build the settings from `env`; raises `SettingsError` naming the variable at fault."""
    demo = _flag(env, "DEMO", "0")
    var = var_folder(env)
    port = _port(env, "PORT", 8080)
    rasa_port = _port(env, "RASA_PORT", 5005)
    actions_port = _port(env, "ACTIONS_PORT", 5055)
    host = env.get("HOST") or ("127.0.0.1" if demo else "0.0.0.0")
    internal = env.get("INTERNAL_HOST") or "127.0.0.1"
    public_key = env.get("OWNER_JWT_PUBLIC_KEY") or None
    secret = None if public_key else _secret(env, "OWNER_JWT_SECRET", demo)
    url = database_url(env)
    tracker_url = env.get("TRACKER_DATABASE_URL") or _tracker_url(url, var)
    return Settings(
        demo=demo,
        host=host,
        port=port,
        rasa_port=rasa_port,
        actions_port=actions_port,
        internal_host=internal,
        rasa_url=env.get("RASA_URL") or f"http://{internal}:{rasa_port}",
        actions_url=env.get("ACTIONS_URL") or f"http://{internal}:{actions_port}",
        database_url=url,
        tracker_database_url=tracker_url,
        redis_url=env.get("REDIS_URL") or None,
        rabbitmq_url=env.get("RABBITMQ_URL") or None,
        owner_jwt_secret=secret,
        owner_jwt_public_key=public_key,
        rasa_token=_secret(env, "RASA_TOKEN", demo),
        actions_token=_secret(env, "ACTIONS_TOKEN", demo),
        data_key=_secret(env, "DATA_KEY", demo),
        complaints_api_keys=_api_keys(
            env.get("COMPLAINTS_API_KEYS") or ("demo:demo-complaints-key" if demo else "")
        ),
        var=var,
        turn_timeout=_seconds(env, "TURN_TIMEOUT", 10.0),
        allowed_origins=tuple(filter(None, (env.get("ALLOWED_ORIGINS") or "").split(","))),
        secure_cookies=_flag(env, "SECURE_COOKIES", "0" if demo else "1"),
        worker=_flag(env, "WORKER", "1"),
        wechat_token=env.get("WECHAT_TOKEN") or None,
    )


def _tracker_url(database_url: str, var: Path) -> str:
    """Rasa's tracker store is synchronous and, on SQLite, has a file of its own."""
    if database_url.startswith("postgresql+asyncpg://"):
        return "postgresql+psycopg2://" + database_url.split("://", 1)[1]
    name = Path(database_url.split("///", 1)[1]).name
    return f"sqlite:///{var / ('tracker-' + name)}"


@lru_cache(maxsize=1)
def settings() -> Settings:
    """Return this process's settings, read at the first call."""
    return read_settings(os.environ)
