"""Files: known by their bytes, kept encrypted, given back to their owner alone."""

from __future__ import annotations

from typing import Any

import aiohttp
import pytest
from sqlalchemy import select

from pitstop.conversation.tables import Attachment
from pitstop.gateway.files import recognise
from pitstop.storage.database import Database
from tests.gateway.conftest import Owner, texts
from tests.gateway.fake_bot import FakeBot

PNG = b"\x89PNG\r\n\x1a\n" + b"\x00" * 64
PDF = b"%PDF-1.7\n" + b"x" * 64
LIMIT = 10 * 1024 * 1024


async def upload(
    owner: Owner, data: bytes, *, name: str = "a.png", content_type: str = "image/png"
) -> tuple[int, Any]:
    form = aiohttp.FormData()
    form.add_field("file", data, filename=name, content_type=content_type)
    async with owner.client.post(
        "/api/owner/attachments", data=form, headers=owner.headers
    ) as response:
        return response.status, await response.json()


async def stored(database: Database) -> list[Attachment]:
    async with database.read() as session:
        return list((await session.execute(select(Attachment))).scalars())


async def test_a_picture_in_the_conversation(
    owner: Owner, bot: FakeBot, database: Database
) -> None:
    status, kept = await upload(owner, PNG)
    assert (status, kept["kind"]) == (200, "image")
    assert kept["url"] == f"/api/owner/attachments/{kept['id']}"
    assert PNG not in (await stored(database))[0].body, "at rest it is encrypted"
    status, answer = await owner.post({"id": "a", "attachment_id": kept["id"]})
    assert texts(answer) == ["听到：image"]
    assert bot.turns[0]["text"] is None
    assert (await owner.log())[0]["attachment"] == kept
    async with owner.client.get(kept["url"], headers=owner.headers) as response:
        assert await response.read() == PNG
        assert response.headers["Content-Type"] == "image/png"
        assert response.headers["Content-Disposition"].startswith("attachment")
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert "sandbox" in response.headers["Content-Security-Policy"]
        assert "no-store" in response.headers["Cache-Control"]


async def test_the_bytes_decide(owner: Owner) -> None:
    status, kept = await upload(owner, PDF, name="a.png", content_type="image/png")
    assert (status, kept["kind"]) == (200, "pdf")


@pytest.mark.parametrize(
    "data",
    [
        b"<script>alert(1)</script>",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"MZ\x90\x00" * 20,
        b"PK\x03\x04" * 20,
        b"\x00\x00\x00\x18ftypheic" + b"\x00" * 40,
        b"RIFF\x00\x00\x00\x00AVI LIST",
        b"hello",
    ],
)
async def test_other_files_are_refused(owner: Owner, database: Database, data: bytes) -> None:
    status, answer = await upload(owner, data)
    assert (status, answer["error"]["code"]) == (415, "unsupported_file")
    assert await stored(database) == []


@pytest.mark.parametrize(
    ("data", "content_type"),
    [
        (PNG, "image/png"),
        (b"\xff\xd8\xff\xe0" + b"\x00" * 20, "image/jpeg"),
        (b"RIFF\x00\x00\x00\x00WEBPVP8 ", "image/webp"),
        (b"GIF89a" + b"\x00" * 20, "image/gif"),
        (b"#!AMR\n" + b"\x00" * 20, "audio/amr"),
        (b"#!AMR-WB\n" + b"\x00" * 20, "audio/amr"),
        (b"ID3\x04" + b"\x00" * 20, "audio/mpeg"),
        (b"\xff\xfb\x90\x64" + b"\x00" * 20, "audio/mpeg"),
        (b"RIFF\x00\x00\x00\x00WAVEfmt ", "audio/wav"),
        (b"\x00\x00\x00\x20ftypM4A " + b"\x00" * 20, "audio/mp4"),
        (b"OggS\x00" + b"\x00" * 20, "audio/ogg"),
        (PDF, "application/pdf"),
    ],
)
def test_what_is_taken(data: bytes, content_type: str) -> None:
    found = recognise(data)
    assert found is not None
    assert found.content_type == content_type


@pytest.mark.parametrize("data", [b"", b"\xff", b"\xff\xfe\x00\x00", b"\xff\xff\xff\xff"])
def test_what_only_looks_like_sound(data: bytes) -> None:
    assert recognise(data) is None


async def test_largest_and_too_large(owner: Owner, database: Database) -> None:
    status, _ = await upload(owner, PNG + b"\x00" * (LIMIT - len(PNG)))
    assert status == 200
    status, answer = await upload(owner, PNG + b"\x00" * (LIMIT - len(PNG) + 1))
    assert (status, answer["error"]["code"]) == (413, "file_too_large")
    status, answer = await upload(owner, PNG + b"\x00" * (LIMIT + 200_000))
    assert (status, answer["error"]["code"]) == (413, "file_too_large")
    assert len(await stored(database)) == 1


async def test_no_file(owner: Owner) -> None:
    assert (await upload(owner, b""))[1]["error"]["code"] == "empty_file"
    for data, headers, status in (
        (b"x", {"Content-Type": "text/plain"}, 415),
        (b"x", {"Content-Type": "multipart/form-data"}, 400),
        (b"no boundary here", {"Content-Type": "multipart/form-data; boundary=b"}, 400),
    ):
        async with owner.client.post(
            "/api/owner/attachments", data=data, headers={**owner.headers, **headers}
        ) as response:
            assert response.status == status, await response.text()
            assert (await response.json())["error"]["message"]


async def test_somebody_elses_file_does_not_exist(owner: Owner, other: Owner, bot: FakeBot) -> None:
    _, kept = await upload(owner, PNG)
    async with other.client.get(kept["url"], headers=other.headers) as response:
        assert response.status == 404
    status, answer = await other.post({"id": "a", "attachment_id": kept["id"]})
    assert (status, answer["error"]["code"]) == (404, "unknown_attachment")
    assert await other.log() == []
    assert bot.turns == []


async def test_unknown_file(owner: Owner) -> None:
    status, _ = await owner.post({"id": "a", "attachment_id": "nothing"})
    assert status == 404
    assert await owner.log() == []
