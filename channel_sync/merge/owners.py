"""Whose word counts when both sides have changed the same field of a booking."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from channel_sync.channels.canonical import Booking
from channel_sync.merge.fields import Field


class Side(StrEnum):
    """A side that has the booking."""

    CHANNEL = "channel"
    PMS = "pms"


Owners = Mapping[Field, Side]

# A room type that the desk has changed stays until the channel changes the room: only then have both.
OF_AN_OTA: Owners = dict.fromkeys(Field, Side.CHANNEL) | {Field.NOTES: Side.PMS}
OF_THE_PMS: Owners = dict.fromkeys(Field, Side.PMS)


def owners_of(booking: Booking) -> Owners:
    """A booking that carries our key was made in the PMS."""
    return OF_THE_PMS if booking.client_key else OF_AN_OTA
