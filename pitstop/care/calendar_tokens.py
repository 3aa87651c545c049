"""The address of a booking's calendar file: whoever has it may read it, nobody can make one up.

A phone's calendar sends no header with a log-in, so the address itself is the key: the booking's
id and its HMAC under `DATA_KEY`.
"""

from __future__ import annotations

import hmac

from pitstop.base.crypto import blind_index

_SIGNED = 32  # hex digits: 128 bits


def calendar_path(booking_id: str) -> str:
    """Return where the booking's calendar file is served, from the site's root."""
    return f"/calendar/{token_of(booking_id)}.ics"


def token_of(booking_id: str) -> str:
    """Return the booking's token: its id, a dot, the signature."""
    return f"{booking_id}.{_signature(booking_id)}"


def booking_id_of(token: str) -> str | None:
    """Return whose token it is, None for one that we did not sign."""
    if not token.isascii():
        return None
    booking_id, _, signature = token.rpartition(".")
    signed = hmac.compare_digest(signature, _signature(booking_id))
    return booking_id if booking_id and signed else None


def _signature(booking_id: str) -> str:
    # What else is signed with this key are phones, plates and VINs: none begins like this.
    return blind_index(f"calendar:{booking_id}")[:_SIGNED]
