"""Booking maintenance, a swap or a test drive: everything in one sentence, or piece by piece."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from bot.actions import speech
from bot.actions.base import Said
from bot.actions.buttons import human
from bot.actions.context import Visit, gazetteer, mentions, words
from bot.actions.forms import Draft, Finished, FormTurn
from pitstop.base import clock
from pitstop.care import catalogue, offers, places, slots
from pitstop.care.permissions import Action as Permission
from pitstop.care.permissions import require
from pitstop.care.positions import position_of
from pitstop.care.refusals import Refused
from pitstop.care.tables import Place
from pitstop.care.views import booking_card
from pitstop.care.wishes import Kind
from pitstop.language.segment import clauses
from pitstop.language.times import TimeSpan, read_time, window

# A window of several days is searched this far for free slots.
_SEARCH = {"maintenance": timedelta(days=14), "test_drive": timedelta(days=14)}
_SEARCH_SWAP = timedelta(hours=72)
_OPTIONS = 3
_EXACT = {"minute", "hour"}
_FETCHED = {"pickup", "on_site", "valet"}
_NO_ADDRESS = "-"
"""Fills the address of a booking that needs none, so that the form does not ask for it."""
_SHORTEST_ADDRESS = 4
_ADDRESS_MARKS = 2
_SHORT_CLAUSE = 6
"""Characters; a clause as short as this may be nothing but a place's name."""


class BookingForm(FormTurn):
    """What all three bookings share: place, time, car, offer, yes."""

    kind: Kind = "maintenance"
    place_kinds: tuple[str, ...] = places.SERVICE_KINDS
    permission: Permission = "book_maintenance"
    needs_vehicle = True
    free_text = frozenset({"address"})

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
            await self._read_position(visit, draft)
            return
        if visit.turn.kind != "text":
            return
        if requested == "address":
            self._read_address(visit, draft)
            return
        await self._read_place(visit, draft, requested)
        self._read_vehicle(visit, draft)
        self._read_time(visit, draft)
        self._read_mode(visit, draft)
        if draft["mode"] in _FETCHED and not draft.changed - {"mode"}:
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
        for slot in ("service", "place", "vehicle", "model", "start", "mode", "booking"):
            if slot in visit.turn.values:
                draft.put(slot, visit.turn.values[slot])
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
        near = await places.nearest(visit.session, position, self.place_kinds, _OPTIONS)
        draft.put("options", {"places": [row.id for row, _ in near]})

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
            draft.put("options", {"places": [row.id for row in rows[:_OPTIONS]]})

    async def _named_loosely(self, visit: Visit) -> list[Place]:
        """A place of another kind was named: its neighbours of ours are what is meant."""
        for name in visit.turn.named("store", "station"):
            row = await places.by_name(visit.session, str(name))
            if row is not None:
                near = await places.nearest(
                    visit.session, (row.lat, row.lng), self.place_kinds, _OPTIONS
                )
                return [found for found, km in near if km <= 30]
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
        if found.start is not None and found.grain in _EXACT and not found.end and not found.open:
            morning = found.start.astimezone(clock.SHANGHAI).replace(hour=0, minute=0)
            draft.put("start", found.start.isoformat())
            draft.put("window", {"on": found.start.isoformat(), "day": morning.isoformat()})
            return
        draft.clear("start")
        draft.put("window", _window(found))

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

    # ---- going on --------------------------------------------------------------------------------

    async def advance(self, visit: Visit, draft: Draft, say: Said, requested: str | None) -> None:
        """Fill in what needs no question, make the offer, book on a yes."""
        if draft["decision"] == "yes":
            draft.put("decision", None)
        self._check_vehicle(visit, draft, say)
        self._check_time(draft, say)
        if self._says_yes(visit, draft, requested):
            await self._book(visit, draft, say)
        if visit.turn.intent == "deny" and requested == "decision" and not draft.changed:
            say("utter_change_what")
        await self._fill(visit, draft, say)
        if self._complete(draft) and (draft["offer"] is None or draft.changed):
            await self._propose(visit, draft, say)

    def _says_yes(self, visit: Visit, draft: Draft, requested: str | None) -> bool:
        turn = visit.turn
        offered = turn.values.get("offer")
        if offered:
            return turn.intent == "affirm" and offered == draft["offer"]
        return (
            turn.says_yes
            and requested == "decision"
            and draft["offer"] is not None
            and not draft.changed
        )

    def _check_vehicle(self, visit: Visit, draft: Draft, say: Said) -> None:
        chosen = draft["vehicle"]
        if isinstance(chosen, str) and chosen.startswith("plate:"):
            draft.clear("vehicle")
            say("utter_not_allowed_not_your_vehicle")

    def _check_time(self, draft: Draft, say: Said) -> None:
        problem = (draft["window"] or {}).get("problem")
        if problem:
            draft.clear("window")
            say(f"utter_time_{problem}")

    async def _fill(self, visit: Visit, draft: Draft, say: Said) -> None:
        if draft["mode"] in _FETCHED:
            if draft["address"] == _NO_ADDRESS:
                draft.clear("address", "offer")
        elif draft["address"] is None:
            draft.put("address", _NO_ADDRESS)
        if self.needs_vehicle and draft["vehicle"] is None and len(visit.vehicles) == 1:
            draft.put("vehicle", visit.vehicles[0].id)
        if draft["place"] is None and not (draft["options"] or {}).get("places"):
            await self._suggest_places(visit, draft)
        if draft["place"] is not None and draft["start"] is None and self._ready(draft):
            known = (draft["options"] or {}).get("slots")
            # What was offered stays on offer until something that it depends on changes.
            if not known or draft.changed - {"options"}:
                await self._suggest_times(visit, draft, say)

    def _ready(self, draft: Draft) -> bool:
        """Say whether enough is known to look for free times."""
        return draft["vehicle"] is not None or not self.needs_vehicle

    def _complete(self, draft: Draft) -> bool:
        return (
            self._ready(draft)
            and draft["place"] is not None
            and draft["start"] is not None
            and (
                draft["mode"] not in {"pickup", "on_site", "valet"} or draft["address"] is not None
            )
        )

    async def _suggest_places(self, visit: Visit, draft: Draft) -> None:
        usual = visit.customer.usual_place_id
        rows = await places.all_places(visit.session, self.place_kinds, visit.customer.city)
        ids = [row.id for row in rows]
        if usual in ids:
            ids = [str(usual), *(i for i in ids if i != usual)]
        draft.put("options", {"places": ids[:_OPTIONS]})
        draft.changed.discard("options")

    async def _suggest_times(self, visit: Visit, draft: Draft, say: Said) -> None:
        after, before = self._range(draft)
        try:
            free = await slots.free_slots(
                visit.session,
                kind=self.kind,
                place_id=str(draft["place"]),
                service=draft["service"] or draft["model"],
                vehicle_id=draft["vehicle"],
                mode=draft["mode"],
                after=after,
                before=before,
                limit=_OPTIONS,
            )
            if not free and draft["window"]:
                say("utter_window_full")
                free = await slots.free_slots(
                    visit.session,
                    kind=self.kind,
                    place_id=str(draft["place"]),
                    service=draft["service"] or draft["model"],
                    vehicle_id=draft["vehicle"],
                    mode=draft["mode"],
                    after=after,
                    before=after + _SEARCH.get(self.kind, _SEARCH_SWAP),
                    limit=_OPTIONS,
                )
        except Refused as refused:
            await self._refused(visit, draft, say, refused)
            return
        draft.put("options", {"slots": [[s.place_id, s.start.isoformat()] for s in free]})

    def _range(self, draft: Draft) -> tuple[datetime, datetime]:
        known = draft["window"] or {}
        now = clock.now()
        start = known.get("start") or known.get("on")
        after = max(now, datetime.fromisoformat(start)) if start else now
        end = known.get("end")
        limit = after + _SEARCH.get(self.kind, _SEARCH_SWAP)
        return after, min(limit, datetime.fromisoformat(end)) if end else limit

    async def _propose(self, visit: Visit, draft: Draft, say: Said) -> None:
        try:
            offer = await offers.propose(
                visit.session,
                visit.customer.id,
                kind=self.kind,
                place_id=str(draft["place"]),
                start=datetime.fromisoformat(str(draft["start"])),
                service=draft["service"] or draft["model"],
                vehicle_id=draft["vehicle"],
                mode=draft["mode"],
                pickup_address=None if draft["address"] == _NO_ADDRESS else draft["address"],
                note=draft["note"],
                message_id=visit.turn.message_id,
                moves_booking_id=draft["booking"],
            )
        except Refused as refused:
            draft.clear("offer")
            await self._refused(visit, draft, say, refused)
            return
        draft.put("offer", offer.id)
        draft.clear("decision", "options")

    async def _book(self, visit: Visit, draft: Draft, say: Said) -> None:
        try:
            booked = await offers.accept(
                visit.session,
                visit.customer.id,
                str(draft["offer"]),
                message_id=visit.turn.message_id,
            )
        except Refused as refused:
            draft.clear("offer")
            await self._refused(visit, draft, say, refused)
            return
        response = "utter_moved" if draft["booking"] else f"utter_booked_{self.kind}"
        say(response, card=booking_card(booked), **speech.described(booked))
        raise Finished

    async def abandon(self, visit: Visit, draft: Draft) -> None:
        """Take the open offer back."""
        if draft["offer"]:
            await offers.withdraw_offer(visit.session, visit.customer.id, str(draft["offer"]))

    async def _refused(self, visit: Visit, draft: Draft, say: Said, refused: Refused) -> None:
        """Say why not, and put the nearest possible in place of what was wished."""
        if refused.code in {"not_swappable", "pack_does_not_fit"} and not refused.alternatives:
            say(f"utter_refused_{refused.code}", buttons=[human()])
            raise Finished
        values: dict[str, Any] = {}
        if refused.code == "closed":
            values["windows"] = "、".join(_windows(refused.details.get("windows") or []))
        if refused.code == "too_far" and refused.details.get("limit"):
            values["limit"] = speech.when(refused.details["limit"])
        say(f"utter_refused_{refused.code}", **values)
        if refused.code == "mode_not_available":
            draft.put("mode", None)
            draft.clear("address")
            return
        if refused.code == "unknown_service":
            draft.clear("service")
            return
        draft.clear("start", "window")
        nearest = sorted(refused.alternatives[:_OPTIONS], key=lambda slot: slot.start)
        draft.put("options", {"slots": [[s.place_id, s.start.isoformat()] for s in nearest]})
        if refused.code == "wrong_place":
            draft.clear("place")
            ids = list(dict.fromkeys(s.place_id for s in refused.alternatives))
            draft.put("options", {"places": ids[:_OPTIONS]} if ids else None)

    async def inline(self, visit: Visit, draft: Draft, say: Said) -> bool:
        """Tell duration and price of what is being booked, if that is what was asked."""
        text = visit.turn.text
        if visit.turn.intent == "find_station" and draft["place"] is None:
            say("utter_ask_position")
            return True
        how_long, how_much = mentions(text, "ask_duration"), mentions(text, "ask_price")
        if not how_long and not how_much:
            return False
        if self.kind != "maintenance":
            say(f"utter_inline_{self.kind}_{'duration' if how_long else 'price'}")
            return True
        item = await catalogue.service(visit.session, str(draft["service"]))
        if item is None:
            return False
        rows = await places.all_places(visit.session, self.place_kinds)
        place = (
            await places.place(visit.session, str(draft["place"])) if draft["place"] else rows[0]
        )
        price = catalogue.price_of(item, draft["mode"] or "in_store", place)
        say(
            "utter_price_of",
            service=item.name,
            price=speech.price(price.total, estimate=item.estimate),
            minutes=item.minutes,
        )
        return True


def _loosely(text: str, kind: str, *, asked: bool) -> list[Any]:
    """Return places that a bare word may mean (闵行): as an answer, or as a clause of its own."""
    parts = [text] if asked else [c for c, _, _ in clauses(text) if len(c) <= _SHORT_CLAUSE]
    return list(dict.fromkeys(e.value for p in parts for e in gazetteer().candidates(p, kind)))


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


def _windows(windows: list[Any]) -> list[str]:
    """Return opening hours as ``09:00–18:00``."""
    return ["–".join(f"{part:%H:%M}" for part in window) for window in windows]
