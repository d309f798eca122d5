"""What is paused, since when and by whom; and a pause that closes the rooms at the channel before it begins."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from channel_sync.errors import ClosingUnderWay
from channel_sync.events.outbound_events import property_pause_event
from channel_sync.events.processing import process
from channel_sync.events.store import dismiss, record
from channel_sync.models import (
    OPEN_STATUSES,
    AuditAction,
    AuditEntry,
    ChannelEvent,
    ChannelProperty,
    ChannelPropertyStatus,
    Direction,
    EventStatus,
    EventType,
)
from channel_sync.operations.audit import note

STATE = ("status", "paused_at", "paused_by", "rooms_closed")


@dataclass(frozen=True)
class Pause:
    """A property that is paused, or waits for its rooms to be closed first.

    `since` and `by` are None where nobody has kept them. `closing` is the event that closes its rooms, until it has.
    """

    channel_property: ChannelProperty
    since: datetime | None
    by: str | None
    rooms_closed: bool
    closing: ChannelEvent | None = None

    @property
    def has_begun(self) -> bool:
        """Whether nothing is sent any more."""
        return self.channel_property.status == ChannelPropertyStatus.INACTIVE

    @property
    def title(self) -> str:
        """Since when, and by whom, as far as that is known."""
        if not self.has_begun:
            return "About to be paused"
        since = f" since {timezone.localtime(self.since):%Y-%m-%d %H:%M %Z}" if self.since else ""
        return f"Paused{since}{f' by {self.by}' if self.by else ''}"

    @property
    def in_words(self) -> str:
        """What is sent, and what the channel goes on selling, in a sentence or two."""
        if not self.has_begun:
            return f"Its rooms are being closed at the channel; the pause begins when all are closed. {self._why()}"
        if self.rooms_closed:
            return "Nothing is sent. Its rooms are closed at the channel."
        if self.closing is not None:
            return f"Nothing is sent. Its rooms are still to be closed at the channel. {self._why()}"
        return (
            "Nothing is sent. The channel goes on selling the rooms and rates that it last heard of: what is sold at "
            "the desk can be sold twice."
        )

    def _why(self) -> str:
        event = self.closing
        if event is None or not event.last_error:
            return ""
        said = event.last_error.partition(": ")[2] or event.last_error
        if event.status == EventStatus.FAILED:
            return f"This has failed: {said} Retry its event, pause without closing, or do not pause."
        return f"It waits: {said}"


def pauses(channel_properties: QuerySet[ChannelProperty] | None = None) -> list[Pause]:
    """Those of the properties, or of all, that are paused or about to be, the longest first; two statements at most."""
    found = ChannelProperty.objects.all() if channel_properties is None else channel_properties
    closing = {event.channel_property_id: event for event in _closings().order_by("received_at")}
    concerned = found.filter(Q(status=ChannelPropertyStatus.INACTIVE) | Q(id__in=closing))
    return [
        Pause(one, one.paused_at, one.paused_by, one.rooms_closed, closing.get(one.id))
        for one in concerned.order_by("paused_at", "created_at")
    ]


def pause_of(channel_property: ChannelProperty) -> Pause | None:
    """The pause of one property; None while it sends, and is not about to be paused."""
    return next(iter(pauses(ChannelProperty.objects.filter(id=channel_property.id))), None)


def pause_with_rooms_closed(channel_property: ChannelProperty, *, by: str) -> Pause | None:
    """Close every mapped room at the channel, then pause; how it stands afterwards.

    It is tried at once, outside a transaction. When the channel does not answer, or this process dies, the event that
    was recorded first goes on with it: until every room is closed the pause has not begun, and the property sends.
    """
    with transaction.atomic():
        was = lock_status(channel_property)
        under_way = _closings(channel_property.id).first()
        if under_way is None:
            event_id = _ask_to_close(channel_property, by=by)
            note_action(channel_property, AuditAction.PROPERTY_PAUSED, by, was=was, close_rooms=True)
        else:
            event_id = under_way.id
    process(event_id)
    channel_property.refresh_from_db(fields=STATE)
    return pause_of(channel_property)


def forget_failed_closing(channel_property: ChannelProperty) -> None:
    """The pause begins without it: a closing that has failed is given up, one that waits goes on."""
    dismiss(_ids(_closings(channel_property.id).filter(status=EventStatus.FAILED)), "paused without closing the rooms")


def give_up_closing(channel_property: ChannelProperty) -> bool:
    """The rooms are not to be closed any more; whether they were about to be, some of them maybe are.

    Raises `ClosingUnderWay` when a worker is closing them at this moment: the caller's transaction is rolled back.
    """
    closing = _ids(_closings(channel_property.id))
    if dismiss(closing, "the pause was ended") < len(closing):
        raise ClosingUnderWay(channel_property)
    return bool(closing)


def lock_status(channel_property: ChannelProperty) -> str | None:
    """The status of a property, which stays until the caller's transaction ends."""
    found = ChannelProperty.objects.select_for_update().values_list("status", flat=True)
    return found.get(id=channel_property.id)


def _ask_to_close(channel_property: ChannelProperty, *, by: str) -> UUID:
    """Recorded and not published: it is worked here, and by the relay's doing should this process die."""
    event = property_pause_event(channel_property.id, by=by)
    record(event)
    return event.id


def _closings(channel_property_id: UUID | None = None) -> QuerySet[ChannelEvent]:
    """Events that have not closed the rooms of a pause yet: they wait, are worked, or have failed."""
    found = ChannelEvent.objects.filter(
        direction=Direction.OUTBOUND,
        event_type=EventType.PROPERTY_PAUSE,
        status__in=(*OPEN_STATUSES, EventStatus.FAILED),
    )
    return found if channel_property_id is None else found.filter(channel_property=channel_property_id)


def _ids(events: QuerySet[ChannelEvent]) -> list[UUID]:
    return list(events.values_list("id", flat=True))


def note_action(channel_property: ChannelProperty, action: AuditAction, by: str, **details: object) -> AuditEntry:
    """Keep what somebody has done with a property."""
    return note(by, action, f"property:{channel_property.id}", channel_property_id=channel_property.id, **details)
