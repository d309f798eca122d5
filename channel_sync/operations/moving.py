"""Connect a property to another one of the channel, or to one that another property of the PMS is connected to.

What becomes of mappings and links is asked before anything is spent: links that stayed in silence would point into
a property that does not have their bookings.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from django.db.models import Q
from django.db.models.functions import Now

from channel_sync.conflicts import close_gone
from channel_sync.connections.account import nobody_calls
from channel_sync.connections.pausing import note_resumed
from channel_sync.errors import BookingsNotSettled, ConnectedElsewhere, MoveNotConfirmed, RoomsNotClosed
from channel_sync.events.store import dismiss
from channel_sync.models import (
    UNAPPLIED_STATUSES,
    AuditAction,
    ChannelClaim,
    ChannelConnection,
    ChannelEvent,
    ChannelMapping,
    ChannelProperty,
    ChannelPropertyStatus,
    Conflict,
    ConflictKind,
    ConflictStatus,
    Direction,
    EventType,
    LeftAlone,
    ParityCheck,
    ParityStatus,
    PushedRate,
    ReservationLink,
    ShownNight,
)
from channel_sync.models.parity import UNSETTLED
from channel_sync.operations.pausing import give_up_closing, note_action, pause_with_rooms_closed
from channel_sync.operations.pausing_means import rooms_on_sale
from channel_sync.reconciliation.schedules import unschedule_reconciliation

MayDisplace = Callable[[ChannelProperty], bool]

NAMED_AT_MOST = 50
MOVED = "its property was moved to another one of the channel"
# Of bookings that the channel may send us all the same, or that nobody has to hear of.
KEPT_EVENTS = (EventType.BOOKING_CREATE,)


class AfterMove(StrEnum):
    """What becomes of the mappings and links of a property that is moved."""

    KEEP = "keep"
    RETIRE = "retire"


@dataclass(frozen=True)
class Displaced:
    """What connecting would displace: where the property is connected now, and who is connected to what it wants."""

    moved: ChannelProperty | None = None
    elsewhere: ChannelProperty | None = None

    @property
    def properties(self) -> Sequence[ChannelProperty]:
        """Those that lose their property of the channel."""
        return [one for one in (self.moved, self.elsewhere) if one is not None]


def displaced_by(property_id: UUID, channel_name: str, channel_property_id: str | None) -> Displaced:
    """Where nothing is named nothing is moved; nor is what has lost its connection to another property."""
    if channel_property_id is None:
        return Displaced()
    own = ChannelProperty.objects.filter(property_id=property_id, channel_name=channel_name, connection__isnull=False)
    taken = ChannelProperty.objects.filter(channel_name=channel_name, channel_property_id=channel_property_id)
    return Displaced(
        own.exclude(channel_property_id=channel_property_id).first(), taken.exclude(property_id=property_id).first()
    )


def lock_places(property_id: UUID, channel_name: str, channel_property_id: str) -> None:
    """Keep both as `displaced_by` finds them to the end of the transaction."""
    both = Q(property_id=property_id) | Q(channel_property_id=channel_property_id)
    found = ChannelProperty.objects.select_for_update().filter(both, channel_name=channel_name)
    list(found.order_by("id").values_list("id"))


def require_decided(
    displaced: Displaced,
    *,
    to: str,
    after_move: AfterMove | None,
    take_over: bool,
    may_displace: MayDisplace,
    code_is_spent: bool = False,
) -> None:
    """Somebody who may do that has said what becomes of what is displaced, and it can be done.

    Raises `ConnectedElsewhere`, `MoveNotConfirmed` with what to decide, and `BookingsNotSettled`.
    """
    if displaced.elsewhere is not None and not may_displace(displaced.elsewhere):
        # Whose it is, and what it sells, is not for everybody.
        raise ConnectedElsewhere(displaced.elsewhere, code_is_spent=code_is_spent)
    if displaced.elsewhere is not None and not take_over:
        means = taking_over_means(displaced.elsewhere)
        raise ConnectedElsewhere(displaced.elsewhere, means, code_is_spent=code_is_spent)
    if displaced.moved is not None and after_move is None:
        raise MoveNotConfirmed(moving_means(displaced.moved, to), code_is_spent=code_is_spent)
    retired = [displaced.elsewhere, displaced.moved if after_move is AfterMove.RETIRE else None]
    for one in retired:
        if one is not None:
            _require_settled(one, code_is_spent=code_is_spent)


def moving_means(channel_property: ChannelProperty, to: str) -> Sequence[str]:
    """In sentences, what moving a property means, and what is to be decided."""
    return [
        f"The property is connected to {channel_property}, and would be moved to {to}.",
        f"Webhooks of {channel_property} are refused from then on: what is booked, changed or cancelled there is not "
        "heard of any more.",
        *_on_sale(channel_property),
        f"It has {_counted(channel_property)}. Kept, they hold for the property that it is moved to: that is right "
        "where the rooms and bookings there have the same numbers. Retired, the mappings are switched off and the "
        "links end: a change of such a reservation goes to no booking any more, and its booking at "
        f"{channel_property} is to be changed or cancelled there by hand. Nothing is sent before both sides are "
        "compared.",
    ]


def taking_over_means(channel_property: ChannelProperty) -> Sequence[str]:
    """In sentences, what it means that another property of the PMS takes this connection over."""
    return [
        f"{channel_property} is connected to property {channel_property.property_id} of the PMS already.",
        f"Taken over, that property is connected to nothing any more: its {_counted(channel_property)} are retired, "
        "and nothing of it is sent. The bookings stay at the channel; both sides are compared before anything is sent "
        "of the property that takes it over.",
        *_on_sale(channel_property),
    ]


@contextmanager
def undisturbed(displaced: Displaced) -> Iterator[None]:
    """No worker calls for what is displaced: its answer would make a link that nobody ends. Raises `NotYet`."""
    with ExitStack() as stack:
        for one in displaced.properties:
            stack.enter_context(nobody_calls(one))
        yield


def close_rooms(displaced: Displaced, *, by: str) -> list[UUID]:
    """Close the rooms of what is displaced, by a pause; those that it has paused. Raises `RoomsNotClosed`.

    Where nothing is moved after that, they stay paused, with their rooms closed, until somebody resumes them.
    """
    paused = []
    for one in displaced.properties:
        was_active = one.status == ChannelPropertyStatus.ACTIVE
        made = pause_with_rooms_closed(one, by=by)
        if made is None or not made.rooms_closed:
            if was_active:
                give_up_closing(one)
            raise RoomsNotClosed(one, made.in_words if made is not None else "")
        if was_active:
            paused.append(one.id)
    return paused


def note_moved(
    channel_property: ChannelProperty, *, was: str, after_move: AfterMove, paused_here: bool, by: str
) -> None:
    """What follows for a property whose row names another one of the channel now; in that transaction."""
    counted = retire(channel_property) if after_move is AfterMove.RETIRE else {}
    if paused_here:
        # What it was paused for is done; it is held until both sides are compared.
        note_resumed(channel_property.id, is_held=False)
    # Neither is true of the property that it has now.
    ChannelProperty.objects.filter(id=channel_property.id).update(
        rooms_closed=False, last_webhook_at=None, updated_at=Now()
    )
    note_action(channel_property, AuditAction.PROPERTY_MOVED, by, was=was, after_move=after_move.value, **counted)
    channel_property.refresh_from_db()


def end_connection(channel_property: ChannelProperty, *, by: str) -> None:
    """Another property takes its place at the channel; its history stays. In the transaction that connects that one."""
    was = channel_property.channel_property_id
    counted = retire(channel_property)
    ChannelConnection.objects.filter(channel_property=channel_property).delete()
    unschedule_reconciliation(channel_property)
    note_resumed(channel_property.id, is_held=False)
    ParityCheck.objects.filter(channel_property=channel_property, status__in=UNSETTLED).update(
        status=ParityStatus.DONE, due_at=None, updated_at=Now()
    )
    ChannelProperty.objects.filter(id=channel_property.id).update(
        channel_property_id=f"{was} (taken over, {channel_property.id.hex[:8]})", held_since=None, updated_at=Now()
    )
    note_action(channel_property, AuditAction.PROPERTY_MOVED, by, was=was, after_move="taken over", **counted)


def retire(channel_property: ChannelProperty) -> dict[str, int]:
    """Switch mappings off, end links, settle what is about either; how many there were."""
    mappings = ChannelMapping.objects.filter(channel_property=channel_property)
    PushedRate.objects.filter(mapping__in=mappings).delete()
    ShownNight.objects.filter(mapping__in=mappings).delete()
    switched_off = mappings.filter(is_active=True).update(is_active=False, held_since=None, updated_at=Now())
    links, _ = ReservationLink.objects.filter(channel_property=channel_property).delete()
    LeftAlone.objects.filter(channel_property=channel_property).delete()
    about_old = ChannelEvent.objects.filter(
        channel_property=channel_property, direction=Direction.OUTBOUND, status__in=UNAPPLIED_STATUSES
    ).exclude(event_type__in=KEPT_EVENTS)
    dismissed = dismiss(list(about_old.values_list("id", flat=True)), MOVED)
    # Overbooked nights are the PMS's own; everything else compares it with the property that it had.
    conflicts = close_gone(
        Conflict.objects.filter(channel_property=channel_property).exclude(kind=ConflictKind.OVERBOOKING),
        among=(ConflictStatus.OPEN, ConflictStatus.DISMISSED),
    )
    return {"mappings": switched_off, "links": links, "events": dismissed, "conflicts": conflicts}


def _require_settled(channel_property: ChannelProperty, *, code_is_spent: bool) -> None:
    """What the old property has sold is in the PMS: nobody would bring it in once its links have ended."""
    waiting = ChannelEvent.objects.filter(
        channel_property=channel_property, direction=Direction.INBOUND, status__in=UNAPPLIED_STATUSES
    ).count()
    claims = ChannelClaim.objects.filter(channel_property=channel_property, check_out__gt=Now()).count()
    if waiting or claims:
        raise BookingsNotSettled(channel_property, waiting + claims, code_is_spent=code_is_spent)


def _counted(channel_property: ChannelProperty) -> str:
    mappings = ChannelMapping.objects.filter(channel_property=channel_property, is_active=True).count()
    links = ReservationLink.objects.filter(
        channel_property=channel_property, applied_cancelled=False, reservation__isnull=False
    ).count()
    return f"{mappings} mappings and {links} linked bookings"


def _on_sale(channel_property: ChannelProperty) -> Sequence[str]:
    rooms = rooms_on_sale(channel_property)
    if not rooms or channel_property.rooms_closed:
        return ()
    named = "; ".join(map(str, rooms[:NAMED_AT_MOST]))
    more = f"; and {len(rooms) - NAMED_AT_MOST} more rooms" if len(rooms) > NAMED_AT_MOST else ""
    return [
        f"Unless they are closed first, these stay on sale at {channel_property} with what it was last sent: "
        f"{named}{more}. While its connection works they can be closed first ('close_old_rooms')."
    ]
