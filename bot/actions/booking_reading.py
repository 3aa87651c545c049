"""What a booking form reads from a message: place, time, car, how, and what of the offered."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any

from bot.actions.base import Said
from bot.actions.buttons import human
from bot.actions.context import Visit, gazetteer, mentions, words
from bot.actions.forms import Draft, Finished, FormTurn
from pitstop.base import clock
from pitstop.care import places, reach
from pitstop.care.permissions import Action as Permission
from pitstop.care.permissions import require
from pitstop.care.positions import position_of
from pitstop.care.tables import Place
from pitstop.care.wishes import Kind
from pitstop.language.segment import clauses
from pitstop.language.times import TimeSpan, read_time, window

_PRESSED = ("service", "place", "vehicle", "model", "start", "mode", "booking", "person")
OPTIONS = 3
"""How many places or times are offered at once."""
_EXACT = {"minute", "hour"}
FETCHED = {"pickup", "on_site", "valet"}
_SHORTEST_ADDRESS = 4
_ADDRESS_MARKS = 2
_SHORT_CLAUSE = 6
"""Characters; a clause as short as this may be nothing but a place's name."""
_NEAR_KM = 30


class BookingReading(FormTurn):
    """What all bookings read alike."""

    kind: Kind = "maintenance"
    place_kinds: tuple[str, ...] = places.SERVICE_KINDS
    permission: Permission = "book_maintenance"
    needs_vehicle = True
    free_text = frozenset({"address"})
    agreed_start: str | None = None
    """When the booking that is being changed begins."""

    # ---- reading ---------------------------------------------------------------------------------

    async def begin(self, visit: Visit, draft: Draft, say: Said) -> None:
        """Refuse at once whom we must refuse anyway: nobody fills in a form for nothing."""
        if not self.needs_vehicle:
            await require(visit.session, visit.customer.id, self.permission)
        elif not visit.vehicles:
            await require(visit.session, visit.customer.id, self.permission, None)
            say("utter_no_vehicle", buttons=[human()])
            raise Finished

    async def read(self, visit: Visit, draft: Draft, requested: str | None) -> None:
        """Take place, time, car and how from the message or from a pressed button."""
        self._read_button(visit, draft)
        if visit.turn.kind == "location":
            if requested != "address":
                await self._read_position(visit, draft)
            return
        if visit.turn.kind != "text":
            return
        if requested == "address":
            self._read_address(visit, draft)
            return
        if await self._read_choice(visit, draft, requested):
            return
        await self._read_place(visit, draft, requested)
        self._read_vehicle(visit, draft)
        self._read_time(visit, draft)
        self._read_mode(visit, draft)
        self._read_person(visit, draft)
        if draft["mode"] in FETCHED and not draft.changed - {"mode"}:
            self._read_address_anywhere(visit, draft)
        await self.read_service(visit, draft, requested)
        if visit.turn.intent == "change_booking" and not draft.changed:
            # "换个时间" in the middle of a booking is about this one, not about another.
            self._drop(draft, "place" if mentions(visit.turn.text, "place_words") else "start")
        if requested == "decision" and draft.changed:
            draft.put("decision", None)

    async def read_service(self, visit: Visit, draft: Draft, requested: str | None) -> None:
        """Take what is to be done from the message, where there is a choice."""

    def _read_button(self, visit: Visit, draft: Draft) -> None:
        for slot in _PRESSED:
            if slot in visit.turn.values:
                draft.put(slot, visit.turn.values[slot])
        if "service" in visit.turn.values:
            draft.put("services", [visit.turn.values["service"]])
        if drop := visit.turn.values.get("drop"):
            self._drop(draft, str(drop))

    def _drop(self, draft: Draft, slot: str) -> None:
        """Ask anew for a time or a place."""
        draft.clear(slot, "options", *(["window"] if slot == "start" else []))
        draft.changed.add(slot)

    async def _read_position(self, visit: Visit, draft: Draft) -> None:
        position = await position_of(visit.session, visit.turn.inbox_id)
        if position is None:
            return
        near = await places.nearest(visit.session, position, self.place_kinds, OPTIONS)
        # Who sends a position wants a place near it, whatever place was taken before.
        draft.clear("place", "offer")
        draft.changed.add("place")
        draft.put("options", {"places": [row.id for row, _ in near]})

    async def _read_choice(self, visit: Visit, draft: Draft, requested: str | None) -> bool:
        """Take "the second one", "the earliest", "any" of what was offered; False if none."""
        known = draft["options"] or {}
        offered = known.get({"start": "slots", "place": "places"}.get(requested or "", ""))
        if not offered:
            return False
        chosen = which(visit.turn.text, len(offered))
        if chosen is None and requested == "place":
            chosen = await self._on_which_side(visit, offered)
        if chosen is None:
            return False
        if requested == "place":
            draft.put("place", offered[chosen])
        else:
            place_id, start = offered[chosen]
            draft.put("place", place_id)
            draft.put("start", start)
            moment = datetime.fromisoformat(start)
            draft.put("window", {"on": start, "day": morning(moment).isoformat()})
        return True

    async def _on_which_side(self, visit: Visit, offered: list[str]) -> int | None:
        """Take the direction one drives in (往南京方向) where both sides were offered."""
        said = []
        for number, place_id in enumerate(offered):
            way = reach.way_of(await places.place(visit.session, place_id))
            if way.motorway is None or way.direction is None:
                continue
            drives = reach.way_said(f"{way.motorway} {visit.turn.text}").direction
            if drives is not None and drives == reach.towards(way.motorway, way.direction):
                said.append(number)
        return said[0] if len(said) == 1 else None

    def _read_person(self, visit: Visit, draft: Draft) -> None:
        """Take who is to do it; the name is looked for once the place is known."""
        if self.kind != "maintenance":
            return
        if mentions(visit.turn.text, "person", "last"):
            draft.put("person", {"last": True})
        elif mentions(visit.turn.text, "person", "any"):
            draft.put("person", None)
        elif mentions(visit.turn.text, "person", "titles"):
            draft.put("person", {"said": visit.turn.text})

    async def _read_place(self, visit: Visit, draft: Draft, requested: str | None) -> None:
        kind = "station" if self.kind == "swap" else "store"
        names = visit.turn.named(kind)
        if not names and draft["place"] is None:
            names = _loosely(visit.turn.text, kind, asked=requested == "place")
        rows = [
            row
            for name in names
            if (row := await places.by_name(visit.session, str(name))) is not None
            and row.kind in self.place_kinds
        ]
        if not rows and (cities := visit.turn.named("city")) and draft["place"] is None:
            for city in cities:
                rows += await places.all_places(visit.session, self.place_kinds, str(city))
        if not rows and visit.turn.named("store", "station"):
            rows = await self._named_loosely(visit)
        if len(rows) == 1:
            draft.put("place", rows[0].id)
        elif rows:
            draft.put("place", None)
            draft.put("options", {"places": [row.id for row in rows[:OPTIONS]]})

    async def _named_loosely(self, visit: Visit) -> list[Place]:
        """A place of another kind was named: its neighbours of ours are what is meant."""
        for name in visit.turn.named("store", "station"):
            row = await places.by_name(visit.session, str(name))
            if row is not None:
                near = await places.nearest(
                    visit.session, (row.lat, row.lng), self.place_kinds, OPTIONS
                )
                return [found for found, km in near if km <= _NEAR_KM]
        return []

    def _read_vehicle(self, visit: Visit, draft: Draft) -> None:
        plates = visit.turn.named("plate")
        models = visit.turn.named("model")
        for vehicle in visit.vehicles:
            if vehicle.plate in plates or vehicle.vin in visit.turn.named("vin"):
                draft.put("vehicle", vehicle.id)
                return
        if plates:
            # Somebody else's plate, or an old one: `propose` would never see it, so say it here.
            draft.put("vehicle", f"plate:{plates[0]}")
            return
        tails = [v for v in visit.vehicles if v.plate[-5:] in visit.turn.text.upper()]
        if len(tails) == 1:
            draft.put("vehicle", tails[0].id)
            return
        fitting = [v for v in visit.vehicles if v.model in models]
        if len(fitting) == 1:
            draft.put("vehicle", fitting[0].id)

    def _read_time(self, visit: Visit, draft: Draft) -> None:
        found = self._time_in(visit, draft)
        if found is None:
            return
        if found.problem:
            draft.put("window", {"problem": found.problem})
            draft.clear("start", "options")
            return
        moved = self._same_clock(draft, found)
        if moved is not None:
            draft.put("start", moved.isoformat())
            draft.put("window", {"on": moved.isoformat(), "day": morning(moved).isoformat()})
            return
        if found.start is not None and found.grain in _EXACT and not found.end and not found.open:
            draft.put("start", found.start.isoformat())
            day = morning(found.start)
            draft.put("window", {"on": found.start.isoformat(), "day": day.isoformat()})
            return
        draft.clear("start")
        draft.put("window", _window(found))

    def _same_clock(self, draft: Draft, found: TimeSpan) -> datetime | None:
        """Another day and no clock: the time of day that was agreed on stays ("不对，是周四")."""
        if found.grain != "day" or found.start is None or found.open:
            return None
        if found.end is not None and found.end - found.start > timedelta(days=1):
            return None
        start = draft["start"] or self.agreed_start
        if start is None:
            return None
        before = datetime.fromisoformat(str(start)).astimezone(clock.SHANGHAI)
        return morning(found.start) + timedelta(hours=before.hour, minutes=before.minute)

    def _time_in(self, visit: Visit, draft: Draft) -> TimeSpan | None:
        now = clock.local_now()
        known = draft["window"] or {}
        found = read_time(visit.turn.text, now)
        if found is None or found.problem or not known.get("day"):
            return found
        if found.grain not in _EXACT | {"daypart"} or _says_day(found, now):
            return found
        # "三点" after "周四" means Thursday at three.
        morning = datetime.fromisoformat(str(known["day"]))
        again = read_time(visit.turn.text, max(morning, now))
        return again or found

    def _read_address(self, visit: Visit, draft: Draft) -> None:
        """Whatever is written is the address, unless it says that we need none."""
        text = visit.turn.text.strip()
        if mentions(text, "modes", "in_store"):
            draft.put("mode", "in_store")
        elif len(text) >= _SHORTEST_ADDRESS and visit.turn.intent not in {"affirm", "deny"}:
            draft.put("address", text)

    def _read_address_anywhere(self, visit: Visit, draft: Draft) -> None:
        text = visit.turn.text.strip()
        marks = sum(mark in text for mark in words()["address_marks"])
        if marks >= _ADDRESS_MARKS and any(char.isdigit() for char in text):
            draft.put("address", text)

    def _read_mode(self, visit: Visit, draft: Draft) -> None:
        if self.kind == "test_drive":
            return
        for mode in words()["modes"]:
            if mentions(visit.turn.text, "modes", mode):
                allowed = {"swap": {"valet"}, "maintenance": {"pickup", "on_site", "in_store"}}
                if mode in allowed.get(self.kind, set()):
                    draft.put("mode", mode)
                    return


_NOT_A_WORD = re.compile(r"\W+")


def which(text: str, count: int) -> int | None:
    """Return which of `count` offered things a message means ("第二个"), None if it names none."""
    said = _NOT_A_WORD.sub("", text)
    for position, names in enumerate(words()["ordinals"]):
        if position < count and any(name in said for name in names):
            return position
    if any(name in said for name in words()["last_one"]):
        return count - 1
    if len(said) > _SHORT_CLAUSE:
        return None
    return 0 if any(word in said for word in words()["any_of_them"]) else None


def morning(moment: datetime) -> datetime:
    """Return the beginning of the day in Asia/Shanghai."""
    return moment.astimezone(clock.SHANGHAI).replace(hour=0, minute=0, second=0, microsecond=0)


def _loosely(text: str, kind: str, *, asked: bool) -> list[Any]:
    """Return places that a bare word may mean (闵行): as an answer, or in a clause.

    In a longer clause only what stands there as part of one place's name and no other's.
    """
    found: list[Any] = []
    for part in [text] if asked else [clause for clause, _, _ in clauses(text)]:
        meant = gazetteer().candidates(part, kind)
        if not asked and len(part) > _SHORT_CLAUSE:
            said = {part[e.start : e.end] for e in meant}
            if len(meant) != 1 or not all(len(s) > 1 and s in str(meant[0].value) for s in said):
                continue
        found += [entity.value for entity in meant]
    return list(dict.fromkeys(found))


def _window(found: TimeSpan) -> dict[str, Any]:
    """Return a stretch of time in which free slots are looked for."""
    start, end = window(found)
    day = start.astimezone(clock.SHANGHAI).replace(hour=0, minute=0) if start else None
    return {
        "start": start.isoformat() if start else None,
        "end": end.isoformat() if end else None,
        "day": day.isoformat() if day else None,
    }


def _says_day(found: TimeSpan, now: datetime) -> bool:
    """Say whether the owner named a day: a bare clock time is today or tomorrow."""
    return bool(found.start and (found.start.date() - now.date()).days > 1) or any(
        mark in found.text for mark in words()["day_marks"]
    )
