"""Masking: the form of a text that pages, logs, search and suggestions may see."""

from __future__ import annotations

import re

_PHONE = re.compile(r"(?<!\d)(?:\+?86[- ]?)?(1[3-9]\d)[- ]?(\d{4})[- ]?(\d{4})(?!\d)")
_VIN = re.compile(r"(?<![A-Za-z0-9])([A-HJ-NPR-Za-hj-npr-z0-9]{17})(?![A-Za-z0-9])")
_PLATE = re.compile(
    r"([京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼])\s?([A-Za-z])[·\s.-]?"
    r"([A-Za-z0-9]{5,6})(?![A-Za-z0-9])"
)
_ID_CARD = re.compile(r"(?<!\d)(\d{6})\d{8}(\d{3}[\dXx])(?!\d)")
_EMAIL = re.compile(r"([A-Za-z0-9])[A-Za-z0-9._%+-]*@([A-Za-z0-9.-]+\.[A-Za-z]{2,})")
_CARD = re.compile(r"(?<!\d)(\d{4})\d{8,11}(\d{4})(?!\d)")


def mask_phone(phone: str) -> str:
    """Return ``138****5678``."""
    return f"{phone[:3]}****{phone[-4:]}" if len(phone) >= 7 else "****"


def mask_plate(plate: str) -> str:
    """Return ``粤B***45``: province, letter and the last two."""
    return f"{plate[:2]}***{plate[-2:]}" if len(plate) >= 5 else "****"


def mask_vin(vin: str) -> str:
    """Return the maker's first three and the last four characters of a VIN."""
    return f"{vin[:3]}**********{vin[-4:]}" if len(vin) >= 8 else "****"


def mask_text(text: str) -> str:
    """Return `text` with phones, plates, VINs, identity and bank card numbers, e-mail masked."""
    text = _ID_CARD.sub(r"\1********\2", text)
    text = _PHONE.sub(lambda m: f"{m[1]}****{m[3]}", text)
    text = _VIN.sub(lambda m: mask_vin(m[1]) if re.search(r"\d", m[1]) else m[0], text)
    text = _PLATE.sub(lambda m: mask_plate((m[1] + m[2] + m[3]).upper()), text)
    text = _CARD.sub(r"\1********\2", text)
    return _EMAIL.sub(r"\1***@\2", text)
