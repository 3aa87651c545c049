"""Who may call themselves an owner."""

from __future__ import annotations

import base64
import json
import time
from dataclasses import replace
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from pitstop.base.settings import Settings
from tests.gateway.conftest import SECRET, token
from tests.gateway.fake_bot import FakeBot

PATH = "/api/owner/conversation"


def unsigned(claims: dict[str, Any], algorithm: str = "none") -> str:
    def part(data: dict[str, Any]) -> str:
        return base64.urlsafe_b64encode(json.dumps(data).encode()).rstrip(b"=").decode()

    return f"{part({'alg': algorithm, 'typ': 'JWT'})}.{part(claims)}."


def later(seconds: float = 600) -> int:
    return int(time.time() + seconds)


async def status(client: Any, value: str) -> int:
    async with client.get(PATH, headers={"Authorization": value}) as response:
        if response.status == 401:
            body = await response.json()
            assert body["error"]["code"] == "unauthorized"
            assert response.headers["WWW-Authenticate"].startswith("Bearer")
        return response.status


async def test_good_tokens(client: Any) -> None:
    assert await status(client, f"Bearer {token('owner-1')}") == 200
    assert await status(client, f"bearer {token('owner-1', iss='anybody', aud='any')}") == 200
    assert await status(client, f"Bearer {token('owner-1', exp=later(-10))}") == 200, "clock skew"


@pytest.mark.parametrize(
    "value",
    [
        "",
        "Bearer",
        "Bearer nonsense",
        "Basic b3duZXItMTo=",
        f"Bearer {unsigned({'sub': 'owner-1', 'exp': later()})}",
        f"Bearer {unsigned({'sub': 'owner-1', 'exp': later()}, 'NONE')}",
        f"Bearer {unsigned({'sub': 'owner-1', 'exp': later()}, 'HS256')}",
        f"Bearer {jwt.encode({'sub': 'owner-1', 'exp': later()}, 'x' * 40, 'HS256')}",
        f"Bearer {jwt.encode({'sub': 'owner-1', 'exp': later()}, SECRET, 'HS512')}",
        f"Bearer {jwt.encode({'sub': 'owner-1'}, SECRET, 'HS256')}",
        f"Bearer {jwt.encode({'exp': later()}, SECRET, 'HS256')}",
        f"Bearer {token('owner-1', exp=later(-120))}",
        f"Bearer {token('owner-1', nbf=later(86_400))}",
        f"Bearer {token('')}",
        f"Bearer {token('x' * 41)}",
        f"Bearer {token('a b')}",
    ],
)
async def test_bad_tokens(client: Any, value: str) -> None:
    assert await status(client, value) == 401


async def test_a_number_is_no_subject(client: Any) -> None:
    forged = unsigned({"sub": 1, "exp": later()}, "HS256").rsplit(".", 1)[0]
    signed = jwt.api_jws.PyJWS().encode(
        json.dumps({"sub": 1, "exp": later()}).encode(), SECRET, "HS256"
    )
    assert forged
    assert await status(client, f"Bearer {signed}") == 401


@pytest.fixture(scope="module")
def keys() -> tuple[Any, str]:
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    public = private.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return private, public.decode()


async def test_with_a_public_key_only_rs256_counts(
    start: Any, config: Settings, keys: tuple[Any, str]
) -> None:
    private, public = keys
    client = await start(replace(config, owner_jwt_secret=None, owner_jwt_public_key=public))
    claims = {"sub": "owner-1", "exp": later()}
    assert await status(client, f"Bearer {jwt.encode(claims, private, 'RS256')}") == 200
    assert await status(client, f"Bearer {token('owner-1')}") == 401
    # The classic: the public key taken as the secret of HS256.
    head = unsigned(claims, "HS256").rstrip(".")
    import hashlib
    import hmac

    mac = hmac.new(public.encode(), head.encode(), hashlib.sha256).digest()
    confused = f"{head}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"
    assert await status(client, f"Bearer {confused}") == 401
    async with client.post("/api/demo/token", json={"customer_id": "owner-1"}) as response:
        assert response.status == 409


async def test_public_key_with_written_line_ends(
    start: Any, config: Settings, keys: tuple[Any, str]
) -> None:
    private, public = keys
    written = public.replace("\n", "\\n")
    client = await start(replace(config, owner_jwt_secret=None, owner_jwt_public_key=written))
    signed = jwt.encode({"sub": "owner-1", "exp": later()}, private, "RS256")
    assert await status(client, f"Bearer {signed}") == 200


async def test_every_owner_address_asks_who_it_is(client: Any, bot: FakeBot) -> None:
    for route in client.app.router.routes():
        path = route.resource.canonical
        if not path.startswith("/api/owner/") or path == "/api/owner/ws":
            continue
        async with client.request(route.method, path.replace("{attachment_id}", "x")) as response:
            assert response.status == 401, (route.method, path)
    async with client.get("/api/owner/ws") as response:
        assert response.status == 401
    assert bot.turns == []
