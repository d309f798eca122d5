"""What only the channel can change of a booking: comments, group, OTA and currency, each known by a mark.

A change is seen by its mark, so that nothing of the details has to be kept. Absent is not empty: what a sender leaves
out has no mark, and changes nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from enum import StrEnum

from channel_sync.channels.canonical import Booking


class Detail(StrEnum):
    """A part of a booking that the PMS takes over and never sends, by its name in `Booking`."""

    GUEST_COMMENTS = "guest_comments"
    GROUP = "group_id"
    OTA_REFERENCE = "ota_reference"
    OTA = "ota"
    CURRENCY = "currency"


# An empty text of these is no statement: no booking loses its OTA, its reference or its currency.
NEVER_EMPTY = (Detail.OTA_REFERENCE, Detail.OTA, Detail.CURRENCY)
EMPTY, UNKNOWN, SEPARATOR = "none", "-", "."
MARK_LENGTH = 11


def kept_details(kept: str, booking: Booking) -> str:
    """The marks to keep once a booking is applied: its own, and those of before for what it leaves out."""
    marks = _kept_marks(kept) | _marks_of(booking)
    return SEPARATOR.join(marks.get(one, UNKNOWN) for one in Detail) if marks else ""


def changed_details(kept: str, booking: Booking) -> frozenset[Detail]:
    """What a booking says otherwise than the marks; what was never known counts as empty until then."""
    known = _kept_marks(kept)
    return frozenset(one for one, mark in _marks_of(booking).items() if mark != known.get(one, EMPTY))


def knows(kept: str, detail: Detail) -> bool:
    """Whether a detail was ever said."""
    return detail in _kept_marks(kept)


def with_details(booking: Booking, wanted: Collection[Detail]) -> Booking:
    """The booking as if it said no details but those that are wanted."""
    unsaid = {one.value: "" if one in NEVER_EMPTY else None for one in Detail if one not in wanted}
    return booking.model_copy(update=unsaid)


def _marks_of(booking: Booking) -> dict[Detail, str]:
    said: Mapping[Detail, str | None] = {one: getattr(booking, one.value) for one in Detail}
    return {
        one: _mark(value)
        for one, value in said.items()
        if value is not None and not (value == "" and one in NEVER_EMPTY)
    }


def _mark(value: str) -> str:
    return hashlib.sha256(value.encode()).hexdigest()[:MARK_LENGTH] if value else EMPTY


def _kept_marks(kept: str) -> dict[Detail, str]:
    """Until there were marks, the whole hash of the guest's comments was kept: it begins with their mark."""
    if not kept:
        return {}
    if SEPARATOR not in kept:
        return {Detail.GUEST_COMMENTS: kept[:MARK_LENGTH]}
    return {one: mark for one, mark in zip(Detail, kept.split(SEPARATOR), strict=True) if mark != UNKNOWN}
