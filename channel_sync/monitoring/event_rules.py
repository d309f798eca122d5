"""What is wrong with events now: failures, bookings that were not applied, and what is open for too long."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from django.db import connection

from channel_sync.conf import channel_sync_settings
from channel_sync.connections.registry import channel_class
from channel_sync.errors import ConfigurationError
from channel_sync.inventory.hold_policy import stands_until_settled
from channel_sync.models import (
    OPEN_STATUSES,
    Alert,
    AlertKind,
    ChannelEvent,
    ChannelProperty,
    Direction,
    EntityType,
    EventStatus,
)
from channel_sync.monitoring.finding import AT_MOST, Finding

HOUR = timedelta(hours=1)
BOOKINGS_AT_MOST = 1_000
OF_BOOKING = ":booking:"
LONGEST_SUBJECT = 255


def event_findings(*, now: datetime) -> Iterator[Finding]:
    """Everything that is wrong with events; at most one finding per kind and subject."""
    yield from _failures(now)
    yield from _waiting()
    yield from _bookings_not_applied()


def _failures(now: datetime) -> Iterator[Finding]:
    settings = channel_sync_settings()
    recent = ChannelEvent.objects.filter(received_at__gte=now - HOUR)
    failed_now = ChannelEvent.objects.filter(status=EventStatus.FAILED, processed_at__gte=now - HOUR).count()
    if failed_now > settings.alert_failed_events:
        yield Finding(
            AlertKind.FAILED_EVENTS,
            f"{failed_now} events failed within the hour. Their page in the admin says why, and what to do.",
        )
    succeeded = recent.filter(status__in=(EventStatus.DONE, EventStatus.IGNORED)).count()
    ended = succeeded + recent.filter(status=EventStatus.FAILED).count()
    # One failure of a handful is no trend; what it means for a booking has an alert of its own.
    if ended >= settings.alert_success_rate_events and 100 * succeeded / ended < settings.alert_success_rate:
        yield Finding(
            AlertKind.SUCCESS_RATE,
            f"Only {100 * succeeded / ended:.1f} % of the last hour's {ended} events succeeded. See the failed ones.",
        )


def _bookings_not_applied() -> Iterator[Finding]:
    """One finding for each booking of which an event has failed, until none of its events has, or is tried again."""
    bookings = ChannelEvent.objects.filter(
        direction=Direction.INBOUND, entity_type=EntityType.BOOKING, entity_external_id__isnull=False
    )
    # The oldest first: no alert ends because a younger one pushed it out. The last event of a booking describes it.
    failed = bookings.filter(status=EventStatus.FAILED).select_related("channel_property").order_by("received_at")
    failed = failed.defer("normalized_payload")
    found = {finding.subject: finding for finding in map(_not_applied, failed[:BOOKINGS_AT_MOST])}
    yield from found.values()
    for alert in Alert.objects.filter(kind=AlertKind.BOOKING_NOT_APPLIED, resolved_at=None):
        property_id, _, external_id = alert.subject.partition(OF_BOOKING)
        is_tried_again = bookings.filter(
            channel_property_id=property_id, entity_external_id=external_id, status__in=OPEN_STATUSES
        )
        if alert.subject not in found and is_tried_again.exists():
            yield Finding(
                AlertKind.BOOKING_NOT_APPLIED, alert.message, alert.subject, channel_property=alert.channel_property
            )


def _not_applied(event: ChannelEvent) -> Finding:
    channel_property = event.channel_property
    read = _outline(event)
    external_id = "".join(filter(str.isprintable, event.entity_external_id or ""))
    sold = " ".join(read[name] for name in ("ota", "reference") if name in read) or "no OTA named"
    stay = f"{read.get('arrival', 'unknown')} to {read.get('departure', 'unknown')}"
    return Finding(
        AlertKind.BOOKING_NOT_APPLIED,
        f"Booking {external_id} of {channel_property} ({sold}, {stay}) could not be applied: the PMS does not have it "
        "as the channel sold it. Its event's page says why. Correct that and retry the event; until "
        "then take a room out of order for these nights.",
        subject=f"{channel_property.id}{OF_BOOKING}{external_id}"[:LONGEST_SUBJECT],
        channel_property=channel_property,
    )


def _outline(event: ChannelEvent) -> dict[str, str]:
    try:
        return channel_class(event.channel_property.channel_name).outline(event.payload)
    except ConfigurationError:
        # Its channel was taken out of the settings: its bookings are still named.
        return {}


# What holds up a sale of the desk is alerted by its hold, and earlier.
WAITING = """
SELECT channel_property_id, direction, waits_for <> '' AS is_held_up, count(*), min(greatest(received_at, reopened_at))
FROM channel_events
WHERE status IN ('received', 'processing', 'retrying')
  AND NOT (%(sales_stand)s AND waits_for <> '' AND entity_type = 'booking' AND EXISTS (
      SELECT FROM inventory_holds AS hold
      WHERE hold.reservation_id = channel_events.entity_internal_id AND hold.status = 'active'
  ))
GROUP BY channel_property_id, direction, is_held_up
HAVING min(greatest(received_at, reopened_at)) < statement_timestamp()
    - CASE WHEN waits_for <> '' THEN %(held_up)s::interval ELSE %(waiting)s::interval END
ORDER BY min(greatest(received_at, reopened_at))
LIMIT %(at_most)s
"""


def _waiting() -> Iterator[Finding]:
    """The oldest open event of each property and direction, by whether something is known to hold it up."""
    settings = channel_sync_settings()
    parameters: dict[str, Any] = {
        "held_up": settings.alert_event_held_up,
        "waiting": settings.alert_event_waiting,
        "sales_stand": stands_until_settled(),
        "at_most": AT_MOST,
    }
    with connection.cursor() as cursor:
        cursor.execute(WAITING, parameters)
        rows = cursor.fetchall()
    properties = ChannelProperty.objects.in_bulk([row[0] for row in rows])
    for property_id, direction, is_held_up, count, since in rows:
        channel_property = properties.get(property_id)
        why = (
            "the channel, its credits, a pause or another event holds them up" if is_held_up else "no worker takes them"
        )
        yield Finding(
            AlertKind.EVENT_WAITING,
            f"{count} {direction} events of {channel_property} are open, the oldest since {since:%H:%M:%S %Z}: {why}. "
            "Its page in the admin says what it waits for; see that the workers of its queue run, then retry it.",
            subject=f"{property_id}:{direction}:{'held up' if is_held_up else 'waiting'}",
            channel_property=channel_property,
        )
