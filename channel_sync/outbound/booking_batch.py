"""What has to be sent for the waiting booking events of a property, read in a fixed number of statements."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from django.db import DatabaseError, transaction

from channel_sync.channels.base import Channel
from channel_sync.channels.canonical import BookingStatus, BookingWrite
from channel_sync.conf import channel_sync_settings
from channel_sync.connections.mapped_rooms import channel_rooms
from channel_sync.connections.opening import held, require_open_mapping
from channel_sync.connections.pushable import cut_fields, push_of
from channel_sync.errors import NotYet, UnmappedRoomType, WaitsFor
from channel_sync.events.store import claim_beside
from channel_sync.inbound.compensation import confirm_or_take_back
from channel_sync.inbound.unapplied import unapplied_changes
from channel_sync.inventory.confirmation import has_expired
from channel_sync.merge.agreement import OVER, over, unsent
from channel_sync.merge.fields import parts_of
from channel_sync.models import (
    PMS_SOURCE,
    ChannelEvent,
    ChannelProperty,
    EntityType,
    ReservationLink,
)
from channel_sync.origin import on_behalf_of
from channel_sync.pms import Reservation, host_pms

# How far the channel's clock may be behind ours when a lost create is looked for.
CLOCK_MARGIN = timedelta(minutes=15)
# Somebody has to settle the event that failed; each look costs credits.
UNAPPLIED_RETRY = timedelta(minutes=5)


@dataclass(frozen=True)
class Planned:
    """What one reservation needs: a write, or none with the reason; `later` are younger events of the same one.

    `cut` says what of the reservation goes out shortened, `over` what at the channel it goes over.
    """

    event: ChannelEvent
    later: Sequence[ChannelEvent]
    reservation: Reservation | None
    write: BookingWrite | None
    external_id: str | None = None
    reason: str = ""
    error: Exception | None = None
    cut: tuple[str, ...] = ()
    over: Mapping[str, Any] | None = None

    def sent(self) -> dict[str, Any]:
        """What is kept in the log before the call is made; there is a write."""
        sent = self.write.sent() if self.write is not None else {}
        return sent if self.over is None else {**sent, OVER: dict(self.over)}

    @property
    def is_taken_up(self) -> bool:
        """Whether the write leaves a booking at the channel: its reservation is confirmed with it."""
        return self.write is not None and self.write.push is not None


NEVER_SENT = "the reservation ended before the channel was told of it"
TOO_LATE = "the stay was over before the channel heard of it: there is nothing left to sell"
NOTHING_CHANGED = "unchanged: the channel has this state already"


def waiting_beside(event: ChannelEvent, *, is_again: bool = False, at_most: int | None = None) -> list[ChannelEvent]:
    """Claim the booking events that wait for the same property, as `claim_beside` does; again, as many as fit."""
    at_once = channel_sync_settings().bookings_per_call
    return claim_beside(event, limit=at_most or (at_once if is_again else at_once - 1), is_again=is_again)


def prepare_writes(channel: Channel, events: Sequence[ChannelEvent]) -> list[Planned]:
    """One entry per reservation, oldest event first.

    Asks the channel for creates whose answer was lost, and confirms the reservations of those that it has.
    """
    channel_property = events[0].channel_property
    grouped: dict[UUID | None, list[ChannelEvent]] = {}
    for event in sorted(events, key=lambda found: found.received_at or found.id):
        grouped.setdefault(event.entity_internal_id, []).append(event)
    ids = [reservation_id for reservation_id in grouped if reservation_id is not None]
    reservations, unreadable = _reservations(ids)
    links = {
        link.reservation_id: link
        for link in ReservationLink.objects.filter(channel_property=channel_property, reservation_id__in=ids)
    }
    found = lost_creates(channel, channel_property, [one for one in ids if one not in links])
    reservations |= _confirmed_late(channel_property, reservations, found)
    rooms = channel_rooms(channel_property, {reservation.room_type_id for reservation in reservations.values()})
    unapplied = unapplied_changes(channel_property, [link.external_id for link in links.values()])
    today = host_pms().property_facts(channel_property.property_id).today()
    not_open = held(channel_property, list(rooms))
    planned = []
    for reservation_id, (event, *later) in grouped.items():
        if reservation_id in unreadable:
            planned.append(Planned(event, later, None, None, error=unreadable[reservation_id]))
            continue
        reservation = reservations.get(reservation_id) if reservation_id is not None else None
        link = links.get(reservation_id)
        external_id = link.external_id if link else event.entity_external_id or found.get(reservation_id)
        if external_id is not None and external_id in unapplied:
            error = NotYet(
                f"Booking {external_id} was changed at the channel, and event {unapplied[external_id]} could not apply "
                "that change. Settle that event first: this change would undo it.",
                retry_after=UNAPPLIED_RETRY,
                waits_for=WaitsFor.EVENT,
            )
            planned.append(Planned(event, later, reservation, None, external_id, error=error))
            continue
        try:
            if reservation is not None and reservation.room_type_id in not_open and reservation.takes_room:
                require_open_mapping(channel_property, reservation.room_type_id)
            planned.append(_prepare_one(event, later, reservation, link, external_id, rooms, today))
        except DatabaseError:
            raise
        except Exception as error:  # noqa: BLE001 - what cannot be sent keeps no other from it
            planned.append(Planned(event, later, reservation, None, external_id, error=error))
    return planned


def _reservations(ids: Sequence[UUID]) -> tuple[dict[UUID, Reservation], dict[UUID | None, Exception]]:
    """The reservations as they are now; and the errors of those that the host cannot describe."""
    try:
        return dict(host_pms().reservations(ids)), {}
    except DatabaseError:
        raise
    except Exception:  # noqa: BLE001 - one of them: each by itself says which
        found: dict[UUID, Reservation] = {}
        errors: dict[UUID | None, Exception] = {}
        for reservation_id in ids:
            try:
                found |= host_pms().reservations([reservation_id])
            except DatabaseError:
                raise
            except Exception as error:  # noqa: BLE001 - it is kept with the event
                errors[reservation_id] = error
        return found, errors


def _prepare_one(
    event: ChannelEvent,
    later: Sequence[ChannelEvent],
    reservation: Reservation | None,
    link: ReservationLink | None,
    external_id: str | None,
    rooms: Mapping[UUID, str],
    today: date,
) -> Planned:
    if reservation is None or reservation.status is BookingStatus.CANCELLED:
        if external_id is None:
            return Planned(event, later, reservation, None, reason=NEVER_SENT)
        if link is not None and link.applied_cancelled:
            return Planned(event, later, reservation, None, reason=NOTHING_CHANGED)
        return Planned(event, later, reservation, BookingWrite(event.idempotency_key, external_id, None))
    if external_id is None and _ended_while_it_waited(event, reservation, today):
        return Planned(event, later, reservation, None, reason=TOO_LATE)
    room = rooms.get(reservation.room_type_id)
    if room is None:
        error = UnmappedRoomType(reservation.room_type_id, str(event.channel_property))
        return Planned(event, later, reservation, None, error=error)
    push = push_of(event.channel_property.channel_name, reservation, room)
    only: frozenset[str] | None = None
    going_over: Mapping[str, Any] | None = None
    if link is not None:
        changed = unsent(link, event.channel_property.channel_name, reservation, room)
        if not changed:
            return Planned(event, later, reservation, None, external_id, reason=NOTHING_CHANGED)
        if link.bases:
            only, going_over = parts_of(changed), over(link, changed)
    asks = channel_sync_settings().check_availability_at_channel
    write = BookingWrite(event.idempotency_key, external_id, push, only, checks_availability=asks)
    return Planned(event, later, reservation, write, cut=cut_fields(reservation, push), over=going_over)


def _ended_while_it_waited(event: ChannelEvent, reservation: Reservation, today: date) -> bool:
    """Whether a stay is over that was not when its event was recorded, as after a pause."""
    recorded = event.received_at.date() if event.received_at is not None else today
    return recorded < reservation.check_out <= today


def _confirmed_late(
    channel_property: ChannelProperty, reservations: Mapping[UUID, Reservation], found: Mapping[UUID | None, str]
) -> Mapping[UUID, Reservation]:
    """Reservations that failed as their hold expired, while the channel had their booking: as they are afterwards."""
    expired = has_expired([reservation_id for reservation_id in reservations if reservation_id in found])
    for reservation_id in sorted(expired):
        with transaction.atomic(), on_behalf_of(channel_property.id):
            confirm_or_take_back(channel_property, reservations[reservation_id], found[reservation_id])
    return host_pms().reservations(expired) if expired else {}


def lost_creates(
    channel: Channel, channel_property: ChannelProperty, reservation_ids: Sequence[UUID], **which: Any
) -> dict[UUID | None, str]:
    """Bookings of earlier creates whose answer we never got, looked up by their keys before another create.

    Only an event that was on its way once has a normalised payload. `which` narrows the events down.
    """
    sent = list(
        ChannelEvent.objects.filter(
            channel_property=channel_property,
            entity_type=EntityType.BOOKING,
            entity_internal_id__in=reservation_ids,
            source=PMS_SOURCE,
            normalized_payload__isnull=False,
            **which,
        ).only("idempotency_key", "entity_internal_id", "received_at")
    )
    times = [event.received_at for event in sent if event.received_at is not None]
    if not times:
        return {}
    keys = {event.idempotency_key: event.entity_internal_id for event in sent}
    found = channel.find_bookings(
        channel_property.channel_property_id, keys.keys(), created_from=min(times) - CLOCK_MARGIN
    )
    return {keys[key]: external_id for key, external_id in found.items()}
