"""The desk cancels a booking of an OTA: the channel hears of it, the OTA does not. Somebody has to do the rest there.

Cancelled at the channel, the room is for sale again while the OTA's guest still counts on it. With the setting
`desk_cancellation` at `keep_closed` it stays taken until the OTA has cancelled too, or a person says that it has.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from uuid import UUID

from channel_sync.channels.canonical import BookingStatus
from channel_sync.conf import channel_sync_settings
from channel_sync.conflicts import close_gone, flag_conflict, pms_side
from channel_sync.connections.registry import channel_class
from channel_sync.database_clock import database_now
from channel_sync.inventory.claims import has_claim, keep_claim, release_claim
from channel_sync.inventory.moves import TakenStay
from channel_sync.merge.agreement import is_made_here
from channel_sync.models import Conflict, ConflictKind, ReservationLink, Severity
from channel_sync.pms import NightSpan, Reservation, host_pms


def cancellation_warning(reservation_id: UUID) -> str:
    """What somebody should know who is about to cancel a reservation in the PMS; blank where there is nothing.

    For the host's own pages: show it, and ask whether to go on.
    """
    reservation = host_pms().reservation(reservation_id)
    if reservation is None or reservation.status is BookingStatus.CANCELLED:
        return ""
    links = ReservationLink.objects.filter(reservation_id=reservation_id, applied_cancelled=False)
    advice = (advice_for(link) for link in links.select_related("channel_property"))
    return " ".join(one for one in advice if one)


def note_cancellation(
    before: Reservation, links: Iterable[ReservationLink], *, is_deleted: bool = False
) -> Sequence[NightSpan]:
    """The PMS has cancelled or deleted a reservation, in this transaction: flag what OTAs still have of it.

    Returns the nights whose free units are other than without the reservation.
    """
    changed: list[NightSpan] = []
    for link in links:
        advice = "" if link.applied_cancelled else advice_for(link)
        keeps_closed = bool(advice) and channel_sync_settings().desk_cancellation == "keep_closed"
        if not keeps_closed:
            changed += release_claim(link.channel_property, link.external_id)
        # What is claimed already is all that the OTA has sold, which may be more than the PMS had.
        elif before.takes_room and not has_claim(link.channel_property, link.external_id):
            stay = TakenStay(before.room_type_id, before.check_in, before.check_out, before.units)
            kept_for = None if is_deleted else before.id
            changed += keep_claim(link.channel_property, link.external_id, stay, reservation_id=kept_for)
        if not advice:
            continue
        flag_conflict(
            link.channel_property,
            ConflictKind.CANCELLED_HERE,
            Severity.HIGH,
            f"booking:{link.external_id}",
            pms_side={
                **pms_side(before),
                "status": BookingStatus.CANCELLED.value,
                "cancelled_at": database_now().isoformat(timespec="seconds"),
                "room": "kept closed" if keeps_closed else "on sale",
            },
            channel_side={
                "booking_id": link.external_id,
                "ota": link.ota,
                "ota_reference": link.ota_reference,
                "advice": advice,
            },
            is_news=True,
        )
    return changed


def note_reinstated(links: Iterable[ReservationLink]) -> Sequence[NightSpan]:
    """The PMS has the reservation again: nothing is kept closed for it, and nothing left to be cancelled at an OTA.

    Returns the nights that were kept closed.
    """
    changed: list[NightSpan] = []
    for link in links:
        changed += release_claim(link.channel_property, link.external_id)
        close_gone(
            Conflict.objects.filter(
                channel_property=link.channel_property,
                kind=ConflictKind.CANCELLED_HERE,
                subject=f"booking:{link.external_id}",
            )
        )
    return changed


def advice_for(link: ReservationLink) -> str:
    """What to do at the OTA behind a booking; blank where there is none."""
    if is_made_here(link):
        return ""
    return channel_class(link.channel_property.channel_name).cancellation_advice(link.ota)
