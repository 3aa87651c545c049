"""A small reader of calendar files, by RFC 5545 alone: it shares nothing with what writes them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone

_NAME = re.compile(r"[A-Z][A-Z0-9-]*")
_PARAMETER = re.compile(r';([A-Z0-9-]+)=("[^"\x00-\x1f]*"|[^";:,\x00-\x1f]*)')
_OFFSET = re.compile(r"([+-])(\d\d)(\d\d)")


@dataclass
class Property:
    """A content line (3.1): name, parameters, raw value."""

    name: str
    parameters: dict[str, str]
    raw: str

    def text(self) -> str:
        """Read a TEXT value (3.3.11): backslash, semicolon, comma and newline are escaped."""
        assert re.fullmatch(r"(?:[^\\;,]|\\[\\;,nN])*", self.raw), self.raw
        return re.sub(r"\\(.)", lambda m: "\n" if m[1] in "nN" else m[1], self.raw)


@dataclass
class Component:
    """BEGIN to END, with what is in between."""

    name: str
    properties: list[Property] = field(default_factory=list)
    components: list[Component] = field(default_factory=list)

    def all(self, name: str) -> list[Property]:
        return [one for one in self.properties if one.name == name]

    def one(self, name: str) -> Property:
        """Return the property that must be there, once."""
        (found,) = self.all(name)
        return found

    def within(self, name: str) -> list[Component]:
        return [one for one in self.components if one.name == name]


def lines_of(body: bytes) -> list[str]:
    """Unfold (3.1); a line has at most 75 octets, ends in CRLF, and cuts no character in two."""
    assert body.endswith(b"\r\n")
    physical = body[:-2].split(b"\r\n")
    found: list[str] = []
    for raw in physical:
        assert len(raw) <= 75, raw
        assert b"\r" not in raw and b"\n" not in raw
        line = raw.decode("utf-8")
        if line.startswith((" ", "\t")):
            found[-1] += line[1:]
        else:
            assert line, "an empty line"
            found.append(line)
    return found


def _property(line: str) -> Property:
    name = _NAME.match(line)
    assert name is not None, line
    at, parameters = name.end(), {}
    while (match := _PARAMETER.match(line, at)) is not None:
        parameters[match[1]] = match[2].strip('"')
        at = match.end()
    assert line[at] == ":", line
    return Property(name[0], parameters, line[at + 1 :])


def read(body: bytes) -> Component:
    """Read a file with one calendar in it."""
    stack = [Component("")]
    for line in lines_of(body):
        found = _property(line)
        if found.name == "BEGIN":
            stack.append(Component(found.raw))
        elif found.name == "END":
            done = stack.pop()
            assert done.name == found.raw
            stack[-1].components.append(done)
        else:
            stack[-1].properties.append(found)
    (root,) = stack
    (calendar,) = root.components
    assert calendar.name == "VCALENDAR" and not root.properties
    return calendar


def _local(raw: str) -> datetime:
    return datetime.strptime(raw, "%Y%m%dT%H%M%S")  # noqa: DTZ007 - its zone stands beside it


def moment(calendar: Component, found: Property) -> datetime:
    """Read a DATE-TIME (3.3.5): in UTC, or in a zone that the file itself describes."""
    zone = found.parameters.get("TZID")
    if zone is None:
        assert found.raw.endswith("Z"), "a floating time is another one in each zone"
        return datetime.strptime(found.raw, "%Y%m%dT%H%M%SZ").replace(tzinfo=timezone.utc)
    local = _local(found.raw)
    (described,) = [z for z in calendar.within("VTIMEZONE") if z.one("TZID").raw == zone]
    # Enough for a zone without summer time.
    (standard,) = described.components
    assert standard.name == "STANDARD" and not standard.all("RRULE")
    assert _local(standard.one("DTSTART").raw) < local
    sign, hours, minutes = _OFFSET.fullmatch(standard.one("TZOFFSETTO").raw).groups()  # type: ignore[union-attr]
    offset = timedelta(hours=int(hours), minutes=int(minutes))
    return local.replace(tzinfo=timezone(offset if sign == "+" else -offset))


def length(raw: str) -> timedelta:
    """Read a DURATION (3.3.6)."""
    match = re.fullmatch(r"([+-]?)P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?", raw)
    assert match is not None, raw
    days, hours, minutes, seconds = (int(one or 0) for one in match.groups()[1:])
    found = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
    return -found if match[1] == "-" else found
