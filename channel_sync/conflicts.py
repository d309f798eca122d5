"""Open a conflict for a difference, once; close it when the difference is gone."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django.db.models import QuerySet
from django.db.models.functions import Now

from channel_sync.channels.canonical import Booking
from channel_sync.models import ChannelProperty, Conflict, ConflictKind, ConflictStatus, Severity
from channel_sync.pms import Reservation

GONE = "gone"
# What a side has changed where both have, by field, and which of it stands.
CHANGED, STANDS = "changed", "stands"
# What the PMS has sent over a change of the channel.
SENT = "sent"
# Free units by night, and how many of the sold ones the PMS has not taken in.
FREE_UNITS, NOT_IN_PMS = "free_units", "not_in_the_pms_yet"
# Of the price on a side, where the two are not in the same one.
CURRENCY = "currency"
GUEST_DATA = frozenset({"guest", "guest_name", "email", "phone", "country", "notes"})


def flag_conflict(
    channel_property: ChannelProperty,
    kind: ConflictKind,
    severity: Severity,
    subject: str,
    *,
    pms_side: dict[str, Any],
    channel_side: dict[str, Any],
    is_news: bool = False,
) -> bool:
    """Keep both sides of a difference; at most one is open per kind and subject.

    False when a person has dismissed the very same difference: it is not brought up again, unless it `is_news`.
    """
    same = Conflict.objects.filter(channel_property=channel_property, kind=kind, subject=subject)
    if (
        not is_news
        and same.filter(status=ConflictStatus.DISMISSED, pms_side=pms_side, channel_side=channel_side).exists()
    ):
        return False
    Conflict.objects.update_or_create(
        channel_property=channel_property,
        kind=kind,
        subject=subject,
        status=ConflictStatus.OPEN,
        defaults={"severity": severity, "pms_side": pms_side, "channel_side": channel_side},
    )
    return True


def close_gone(gone: QuerySet[Conflict], *, among: Collection[str] = (ConflictStatus.OPEN,)) -> int:
    """Resolve the open ones among the conflicts whose difference a run no longer found; how many there were.

    With dismissed ones `among` them, the same difference is brought up again when it comes back.
    """
    return gone.filter(status__in=among).update(
        status=ConflictStatus.RESOLVED, resolution=GONE, resolved_at=Now(), updated_at=Now()
    )


def pms_side(
    reservation: Reservation | None, *, with_guest: bool = False, with_currency: bool = False
) -> dict[str, Any]:
    """A reservation as a conflict shows it; personal data, and the currency, only where it is what differs."""
    if reservation is None:
        return {}
    return {
        "reservation_id": str(reservation.id),
        **reservation.outline(),
        **_shown(reservation, with_guest, with_currency),
    }


def channel_side(booking: Booking | None, *, with_guest: bool = False, with_currency: bool = False) -> dict[str, Any]:
    """A booking as a conflict shows it; personal data, and the currency, only where it is what differs."""
    if booking is None:
        return {}
    return {
        "booking_id": booking.external_id,
        "room_id": booking.external_room_id,
        "status": booking.status.value,
        "check_in": str(booking.check_in),
        "check_out": str(booking.check_out),
        "units": booking.units,
        **_shown(booking, with_guest, with_currency),
    }


def without_guest(side: dict[str, Any]) -> dict[str, Any]:
    """A side that says that there is a guest, not who it is."""
    hidden = {name: "(hidden)" if name in GUEST_DATA and value else value for name, value in side.items()}
    changed = side.get(CHANGED)
    return {**hidden, CHANGED: without_guest(changed)} if isinstance(changed, dict) else hidden


def _shown(stay: Booking | Reservation, with_guest: bool, with_currency: bool) -> dict[str, Any]:
    price = {"price": str(stay.price) if stay.price is not None else None}
    if with_currency:
        price[CURRENCY] = stay.currency
    if not with_guest:
        return price
    return {**price, "guest": f"{stay.guest.first_name} {stay.guest.last_name}".strip(), "email": stay.guest.email}
