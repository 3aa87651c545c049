"""Booking maintenance, a swap or a test drive: everything in one sentence, or piece by piece."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from bot.actions import speech
from bot.actions.base import Said
from bot.actions.booking_reading import FETCHED, OPTIONS, BookingReading, morning
from bot.actions.buttons import button, human
from bot.actions.context import Visit, mentions, words
from bot.actions.forms import Draft, Finished
from pitstop.base import clock
from pitstop.care import catalogue, offers, places, reach, slots, technicians
from pitstop.care.refusals import Refused
from pitstop.care.slots import Slot
from pitstop.care.views import BookingView, booking_card

# A window of several days is searched this far for free slots.
_SEARCH = {"maintenance": timedelta(days=14), "test_drive": timedelta(days=14)}
_SEARCH_SWAP = timedelta(hours=72)
_NO_ADDRESS = "-"
"""Fills the address of a booking that needs none, so that the form does not ask for it."""
# Why nothing of the kind can be had by this car or owner, wherever and whenever.
_FOR_GOOD = frozenset(
    {
        "not_swappable",
        "arrears",
        "bottomed",
        "flooded",
        "high_voltage_fault",
        "commercial",
        "old_software",
        "too_long",
        "driver_on_way",
    }
)


_MAYBE_ELSEWHERE = frozenset({"closed", "full", "no_part", "no_pack_expected", "person_busy"})
_ROUNDS = 2
_WRONG_HERE = frozenset({"wrong_place", "pack_does_not_fit"})


class BookingForm(BookingReading):
    """What all three bookings share once the message is read: what is missing, offer, yes."""

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
        for _ in range(_ROUNDS):
            if not self._complete(draft) or (draft["offer"] is not None and not draft.changed):
                break
            # Refused, and yet complete: something was put in the place of what cannot be.
            if await self._propose(visit, draft, say):
                break

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
        if draft["mode"] in FETCHED:
            if draft["address"] == _NO_ADDRESS:
                draft.clear("address", "offer")
        elif draft["address"] is None:
            draft.put("address", _NO_ADDRESS)
        if self.needs_vehicle and draft["vehicle"] is None and len(visit.vehicles) == 1:
            draft.put("vehicle", visit.vehicles[0].id)
        if draft["place"] is None and not (draft["options"] or {}).get("places"):
            await self._go_where_we_talked_of(visit, draft)
        if draft["place"] is None and not (draft["options"] or {}).get("places"):
            await self._suggest_places(visit, draft)
        wanted = (draft["window"] or {}).get("wanted")
        if wanted and draft["start"] is None and "place" in draft.changed:
            draft.put("start", wanted)
        await self._find_person(visit, draft, say)
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
            and (draft["mode"] not in FETCHED or draft["address"] is not None)
        )

    async def _go_where_we_talked_of(self, visit: Visit, draft: Draft) -> None:
        """Take the place that was shown just before ("那约八点吧")."""
        if draft.talked_of is None or "place" in draft.changed:
            return
        row = await places.place(visit.session, draft.talked_of)
        if row.kind in self.place_kinds:
            draft.put("place", row.id)

    async def _suggest_places(self, visit: Visit, draft: Draft) -> None:
        """Take the usual place if nothing else was said, else offer those of the city."""
        usual = visit.customer.usual_place_id
        rows = await places.all_places(visit.session, self.place_kinds, visit.customer.city)
        if self.kind == "swap":
            rows = reach.suggested(rows, reach.way_said(visit.turn.text))
        ids = [row.id for row in rows]
        if usual in ids:
            if "place" not in draft.changed and self.goes_to_usual:
                draft.put("place", usual)
                return
            ids = [str(usual), *(i for i in ids if i != usual)]
        draft.put("options", {"places": ids[:OPTIONS]})
        draft.changed.discard("options")

    goes_to_usual = True
    """Whether the owner's usual place is meant where none is named."""

    async def _find_person(self, visit: Visit, draft: Draft, say: Said) -> None:
        """Find whom the owner asked for, once car and place are known; say so if nobody is."""
        asked = draft["person"]
        if not isinstance(asked, dict) or draft["vehicle"] is None:
            return
        found = None
        if asked.get("last"):
            found = await technicians.last_of(visit.session, str(draft["vehicle"]))
            if found is not None and draft["place"] is None:
                draft.put("place", found.place_id)
            if found is not None and found.place_id != draft["place"]:
                found = await technicians.last_of(
                    visit.session, str(draft["vehicle"]), str(draft["place"])
                )
        elif draft["place"] is None:
            return
        else:
            found = await technicians.named(
                visit.session, str(draft["place"]), str(asked.get("said"))
            )
        if found is None and asked.get("last"):
            say("utter_person_unknown")
        draft.put("person", None if found is None else found.id)

    def _asked(self, draft: Draft) -> dict[str, Any]:
        """Return what is to be booked, as `slots` and `offers` take it."""
        person = draft["person"]
        return {
            "kind": self.kind,
            "place_id": str(draft["place"]),
            "service": draft["service"] or draft["model"],
            "services": draft["services"] or (),
            "vehicle_id": draft["vehicle"],
            "mode": draft["mode"],
            "technician_id": person if isinstance(person, str) else None,
        }

    async def _suggest_times(self, visit: Visit, draft: Draft, say: Said) -> None:
        after, before = self._range(draft)
        asked = self._asked(draft)
        try:
            free = await slots.free_slots(
                visit.session, **asked, after=after, before=before, limit=OPTIONS
            )
            if not free and draft["window"]:
                say("utter_window_full")
                later = after + _SEARCH.get(self.kind, _SEARCH_SWAP)
                free = await slots.free_slots(
                    visit.session, **asked, after=after, before=later, limit=OPTIONS
                )
        except Refused as refused:
            await self._refused(visit, draft, say, refused)
            return
        draft.put("options", {"slots": alternatives(free)})

    def _range(self, draft: Draft) -> tuple[datetime, datetime]:
        known = draft["window"] or {}
        now = clock.now()
        start = known.get("start") or known.get("on")
        after = max(now, datetime.fromisoformat(start)) if start else now
        end = known.get("end")
        limit = after + _SEARCH.get(self.kind, _SEARCH_SWAP)
        return after, min(limit, datetime.fromisoformat(end)) if end else limit

    async def _propose(self, visit: Visit, draft: Draft, say: Said) -> bool:
        """Make the offer; False if it was refused."""
        try:
            offer = await offers.propose(
                visit.session,
                visit.customer.id,
                **self._asked(draft),
                start=datetime.fromisoformat(str(draft["start"])),
                pickup_address=None if draft["address"] == _NO_ADDRESS else draft["address"],
                note=draft["note"],
                message_id=visit.turn.message_id,
                moves_booking_id=draft["booking"],
            )
        except Refused as refused:
            draft.clear("offer")
            await self._refused(visit, draft, say, refused)
            return False
        draft.put("offer", offer.id)
        draft.clear("decision", "options")
        return True

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
        read_back(say, booked, moved=bool(draft["booking"]))
        raise Finished

    async def abandon(self, visit: Visit, draft: Draft) -> None:
        """Take the open offer back."""
        if draft["offer"]:
            await offers.withdraw_offer(visit.session, visit.customer.id, str(draft["offer"]))

    async def _refused(self, visit: Visit, draft: Draft, say: Said, refused: Refused) -> None:
        """Say why not, and put the nearest possible in place of what was wished."""
        other = [v for v in visit.vehicles if v.swappable and v.id != draft["vehicle"]]
        if refused.code == "not_swappable" and other:
            say("utter_refused_this_car", model=refused.details.get("model") or "")
            draft.put("vehicle", other[0].id if len(other) == 1 else None)
            draft.clear("offer")
            return
        if refused.code == "no_part" and refused.details.get("ready_at") is None:
            say("utter_refused_no_part_here")
            self._elsewhere(draft, refused)
            return
        for_good = refused.code in _FOR_GOOD or refused.code == "pack_does_not_fit"
        if for_good and not refused.alternatives:
            say(f"utter_refused_{refused.code}", buttons=[human()], **_reasons(refused))
            raise Finished
        say(f"utter_refused_{refused.code}", **_reasons(refused))
        if refused.code == "mode_not_available":
            draft.put("mode", None)
            draft.clear("address")
            return
        if refused.code in {"unknown_service", "not_for_model"}:
            draft.clear("service", "services")
            return
        if refused.code == "out_of_reach":
            draft.clear("address", "offer")
            return
        if refused.code == "person_unknown":
            draft.clear("person", "options")
            return
        if refused.code == "price_changed":
            return
        if refused.code in _WRONG_HERE:
            self._elsewhere(draft, refused)
            return
        # "那三点半吧" then means half past three on the day that we speak of; another place is
        # looked at for the time that was wished.
        near = refused.alternatives[0].start if refused.alternatives else None
        day = None if near is None else morning(near).isoformat()
        keep = refused.code in _MAYBE_ELSEWHERE
        draft.put("window", {"day": day, "wanted": draft["start"] if keep else None})
        draft.clear("start")
        nearest = sorted(refused.alternatives[:OPTIONS], key=lambda slot: slot.start)
        draft.put("options", {"slots": alternatives(nearest)})

    def _elsewhere(self, draft: Draft, refused: Refused) -> None:
        """Only the place is wrong: the time that was said still holds."""
        ids = list(dict.fromkeys(s.place_id for s in refused.alternatives))
        draft.clear("place", "offer")
        draft.put("options", {"places": ids[:OPTIONS]} if ids else None)

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
        codes = draft["services"] or [draft["service"]]
        items = [i for c in codes if c and (i := await catalogue.service(visit.session, str(c)))]
        if not items:
            return False
        rows = await places.all_places(visit.session, self.place_kinds)
        place = (
            await places.place(visit.session, str(draft["place"])) if draft["place"] else rows[0]
        )
        for item in items:
            price = catalogue.price_of(item, draft["mode"] or "in_store", place)
            say(
                "utter_price_of",
                service=item.name,
                price=speech.price(price.total, estimate=item.estimate),
                minutes=item.minutes,
            )
        return True


def read_back(say: Said, booked: BookingView, *, moved: bool = False) -> None:
    """Say what is booked, as committed, and ask for the consent that a driver needs."""
    response = f"utter_booked_{booked.kind}"
    if moved:
        response = "utter_moved"
    elif booked.step == "planned":
        response = "utter_planned_swap"
    say(response, card=booking_card(booked), **speech.described(booked))
    if booked.mode in FETCHED and not booked.consent:
        say(
            "utter_ask_consent",
            buttons=[
                button("consent_yes", "booking_consent", {"booking": booked.id, "give": True}),
                button("consent_no", "booking_consent", {"booking": booked.id, "give": False}),
            ],
        )


def _reasons(refused: Refused) -> dict[str, Any]:
    """Return what a refusal's line names."""
    details = refused.details
    ready, limit, fee = details.get("ready_at"), details.get("limit"), details.get("fee")
    closed = details.get("reason")
    return {
        "windows": _hours(details.get("windows") or []),
        "why": speech.label("closed", closed) if closed else "",
        "limit": speech.when(limit) if limit else "",
        "ready": speech.day(ready) if ready else str(words()["labels"]["ready_unknown"]),
        "person": details.get("person") or "",
        "fee": speech.price(fee, estimate=False) if fee else "",
        "service": details.get("service") or "",
        "pack": details.get("pack_kwh") or "",
    }


def alternatives(found: list[Slot]) -> list[list[str]]:
    """Return slots as the form keeps them."""
    return [[slot.place_id, slot.start.isoformat()] for slot in found]


def _hours(windows: list[Any]) -> str:
    """Return opening hours as ``09:00–18:00``; closed all day: said so."""
    if not windows:
        return str(words()["labels"]["closed_all_day"])
    return "、".join("–".join(f"{part:%H:%M}" for part in window) for window in windows)
