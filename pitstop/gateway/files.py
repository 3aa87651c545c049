"""What a file is, by its first bytes: names and declared types prove nothing."""

from __future__ import annotations

from typing import Literal, NamedTuple

Kind = Literal["image", "voice", "pdf"]


class FileType(NamedTuple):
    """A kind of attachment, its media type and the ending of its name."""

    kind: Kind
    content_type: str
    ending: str


_PREFIXES: tuple[tuple[bytes, FileType], ...] = (
    (b"\x89PNG\r\n\x1a\n", FileType("image", "image/png", "png")),
    (b"\xff\xd8\xff", FileType("image", "image/jpeg", "jpg")),
    (b"GIF87a", FileType("image", "image/gif", "gif")),
    (b"GIF89a", FileType("image", "image/gif", "gif")),
    (b"%PDF-", FileType("pdf", "application/pdf", "pdf")),
    (b"#!AMR", FileType("voice", "audio/amr", "amr")),
    (b"ID3", FileType("voice", "audio/mpeg", "mp3")),
    (b"OggS", FileType("voice", "audio/ogg", "ogg")),
)
# ISO base media brands that are sound alone, or what phones' recorders write.
_M4A_BRANDS = (b"M4A ", b"M4B ", b"mp41", b"mp42", b"isom", b"iso2", b"3gp4", b"3gp5")


def recognise(data: bytes) -> FileType | None:
    """Return the type of a file that we take, None for every other."""
    for prefix, found in _PREFIXES:
        if data.startswith(prefix):
            return found
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return FileType("image", "image/webp", "webp")
    if data[:4] == b"RIFF" and data[8:12] == b"WAVE":
        return FileType("voice", "audio/wav", "wav")
    if data[4:8] == b"ftyp" and data[8:12] in _M4A_BRANDS:
        return FileType("voice", "audio/mp4", "m4a")
    # A bare MPEG audio frame: eleven set bits, layer III, a bit rate and a sample rate that exist.
    if (
        len(data) > 2
        and data[0] == 0xFF
        and data[1] & 0xE6 == 0xE2
        and data[2] & 0xF0 not in (0x00, 0xF0)
        and data[2] & 0x0C != 0x0C
    ):
        return FileType("voice", "audio/mpeg", "mp3")
    return None


def ending_of(content_type: str) -> str:
    """Return the file name ending of a media type that we once took."""
    known = {found.content_type: found.ending for _, found in _PREFIXES}
    known |= {"image/webp": "webp", "audio/wav": "wav", "audio/mp4": "m4a"}
    return known.get(content_type, "bin")
