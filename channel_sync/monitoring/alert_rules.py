"""What is wrong now: the plan's rules (9.2) and our own, each over an index and a bounded number of rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection as database
from django.db.models import QuerySet
from django.db.models.functions import Now

from channel_sync.conf import channel_sync_settings
from channel_sync.connections.registry import channel_class
from channel_sync.errors import ConfigurationError, SecretUnreadable
from channel_sync.models import (
    OPEN_STATUSES,
    Alert,
    AlertKind,
    ChannelAccount,
    ChannelConnection,
    ChannelEvent,
    ChannelProperty,
    ChannelPropertyStatus,
    Conflict,
    ConflictKind,
    ConflictStatus,
    Direction,
    EntityType,
    EventStatus,
    ReconciliationRun,
    RunStatus,
)
from channel_sync.monitoring.health import Health

HOUR = timedelta(hours=1)
AT_ONCE = timedelta(0)
AT_MOST = 100
BOOKINGS_AT_MOST = 1_000
OF_BOOKING = ":booking:"
LONGEST_SUBJECT = 255
SECRETS = ("webhook_secret", "webhook_secret_previous", "account__refresh_token", "account__access_token")


@dataclass(frozen=True)
class Finding:
    """A condition that is true now, and how long it has to last before it is told.

    `message` says what happened and what to do, without personal data.
    """

    kind: AlertKind
    message: str
    subject: str = ""
    lasts: timedelta = AT_ONCE
    channel_property: ChannelProperty | None = None


def findings(health: Health, *, now: datetime) -> Iterator[Finding]:
    """Everything that is wrong now; at most one finding per kind and subject. Needs the database."""
    yield from _outages(health)
    yield from _clocks(health)
    yield from _channels(health)
    yield from _queues(health)
    yield from _events(now)
    yield from _waiting()
    yield from _runs()
    yield from _bookings_not_applied()
    yield from _accounts(now)
    yield from _properties()
    yield from _secrets()


def _outages(health: Health) -> Iterator[Finding]:
    lasts = channel_sync_settings().alert_outage_after
    if not health.is_broker_connected:
        yield Finding(
            AlertKind.BROKER_UNREACHABLE,
            "The broker does not answer. Nothing is lost, events wait in the log. Start it; the rest goes by itself.",
            lasts=lasts,
        )
        # Without it workers and beat cannot work: one alert says it all.
        return
    for queue in health.missing_workers:
        yield Finding(AlertKind.WORKER_MISSING, f"No worker consumes {queue}. Start one.", subject=queue, lasts=lasts)
    if health.life is not None and not health.life.is_beat_alive:
        yield Finding(
            AlertKind.BEAT_MISSING,
            "No task of beat has run of late: retries and reconciliations wait. Start beat, and a worker of its queue.",
            lasts=lasts,
        )


def _clocks(health: Health) -> Iterator[Finding]:
    for name, ahead in (health.life.wrong_clocks if health.life is not None else {}).items():
        yield Finding(
            AlertKind.CLOCK_WRONG,
            f"The clock of {name} is {abs(ahead):.0f} s {'ahead of' if ahead > 0 else 'behind'} the database's. "
            "Nothing is decided by it, and its log lines and signatures are off: set it by NTP.",
            subject=name,
        )


def _channels(health: Health) -> Iterator[Finding]:
    lasts = channel_sync_settings().alert_unavailable_after
    silent = set(ChannelAccount.objects.filter(unavailable_since__isnull=False).values_list("channel_name", flat=True))
    for name in sorted(silent.union(name for name, answers in health.reachable_channels.items() if not answers)):
        yield Finding(
            AlertKind.CHANNEL_UNAVAILABLE,
            f"{name} does not answer. Its events wait and go out when it is back; until then its availability is old: "
            "watch for overbookings.",
            subject=name,
            lasts=lasts,
        )


def _queues(health: Health) -> Iterator[Finding]:
    settings = channel_sync_settings()
    for name, depth in (("inbound", health.depths.inbound), ("outbound", health.depths.outbound)):
        if depth is not None and depth > settings.alert_queue_depth:
            yield Finding(
                AlertKind.QUEUE_DEPTH,
                f"{depth} messages wait in the {name} queue. Start more {name} workers, or see why they are slow.",
                subject=name,
            )
    dead = health.depths.dead_letters
    if dead is not None and dead > settings.alert_dead_letters:
        yield Finding(
            AlertKind.DEAD_LETTERS,
            f"{dead} events are dead letters. Look at the failed events in the admin; mend the cause, then retry them.",
        )


def _events(now: datetime) -> Iterator[Finding]:
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
    if ended and 100 * succeeded / ended < settings.alert_success_rate:
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
        "as the channel sold it. Its event's page says why. Correct that and retry the event, or enter the booking by "
        "hand and ignore the event.",
        subject=f"{channel_property.id}{OF_BOOKING}{external_id}"[:LONGEST_SUBJECT],
        channel_property=channel_property,
    )


def _outline(event: ChannelEvent) -> dict[str, str]:
    try:
        return channel_class(event.channel_property.channel_name).outline(event.payload)
    except ConfigurationError:
        # Its channel was taken out of the settings: its bookings are still named.
        return {}


WAITING = """
SELECT channel_property_id, direction, waits_for <> '' AS is_held_up, count(*), min(received_at)
FROM channel_events
WHERE status IN ('received', 'processing', 'retrying')
GROUP BY channel_property_id, direction, is_held_up
HAVING min(received_at) < statement_timestamp()
    - CASE WHEN waits_for <> '' THEN %(held_up)s::interval ELSE %(waiting)s::interval END
ORDER BY min(received_at)
LIMIT %(at_most)s
"""


def _waiting() -> Iterator[Finding]:
    """The oldest open event of each property and direction, by whether something is known to hold it up."""
    settings = channel_sync_settings()
    parameters: dict[str, Any] = {
        "held_up": settings.alert_event_held_up,
        "waiting": settings.alert_event_waiting,
        "at_most": AT_MOST,
    }
    with database.cursor() as cursor:
        cursor.execute(WAITING, parameters)
        rows = cursor.fetchall()
    properties = ChannelProperty.objects.in_bulk([row[0] for row in rows])
    for property_id, direction, is_held_up, count, since in rows:
        channel_property = properties.get(property_id)
        why = "the channel, its credits, a pause or another event holds them up" if is_held_up else "nobody works them"
        yield Finding(
            AlertKind.EVENT_WAITING,
            f"{count} {direction} events of {channel_property} are open, the oldest since {since:%H:%M:%S %Z}: {why}. "
            "Its page in the admin says what it waits for; see that the workers of its queue run, then retry it.",
            subject=f"{property_id}:{direction}:{'held up' if is_held_up else 'waiting'}",
            channel_property=channel_property,
        )


def _runs() -> Iterator[Finding]:
    """Comparisons that say that they run, and do not move."""
    still = ReconciliationRun.objects.filter(
        status=RunStatus.RUNNING,
        updated_at__lt=Now() - channel_sync_settings().alert_run_stuck,
        channel_property__status=ChannelPropertyStatus.ACTIVE,
    )
    for run in still.select_related("channel_property").order_by("updated_at")[:AT_MOST]:
        yield Finding(
            AlertKind.RUN_STUCK,
            f"The comparison of {run.kind} of {run.channel_property} has made no progress since "
            f"{run.updated_at:%H:%M:%S %Z}. See that a worker of the reconciliation queue runs; it goes on by itself.",
            subject=str(run.id),
            channel_property=run.channel_property,
        )


def _accounts(now: datetime) -> Iterator[Finding]:
    least = channel_sync_settings().alert_credits
    short = ChannelAccount.objects.filter(credits_remaining__lt=least, credits_reset_at__gt=now)
    for account in short.order_by("id")[:AT_MOST]:
        yield Finding(
            AlertKind.CREDITS_NEARLY_USED,
            f"{account} has {account.credits_remaining} credits left until {account.credits_reset_at:%H:%M:%S %Z}. "
            "Events wait for the next window; if this is usual, ask the channel for more.",
            subject=str(account),
        )


def _properties() -> Iterator[Finding]:
    refused = ChannelProperty.objects.filter(status=ChannelPropertyStatus.ERROR).order_by("id")
    for channel_property in refused[:AT_MOST]:
        yield Finding(
            AlertKind.LOGIN_REFUSED,
            f"The channel refuses the login of {channel_property}; nothing is sent. Connect it again with a new code.",
            subject=str(channel_property.id),
            channel_property=channel_property,
        )
    overbooked = Conflict.objects.filter(kind=ConflictKind.OVERBOOKING, status=ConflictStatus.OPEN)
    for conflict in overbooked.select_related("channel_property").order_by("created_at")[:AT_MOST]:
        nights = conflict.pms_side.get("free_units", {})
        yield Finding(
            AlertKind.OVERBOOKING,
            f"{conflict.subject} of {conflict.channel_property} has no free room on {', '.join(nights)}. Move a guest, "
            "or take a room back into order, then close the conflict.",
            subject=f"{conflict.channel_property_id}:{conflict.subject}",
            channel_property=conflict.channel_property,
        )


def _secrets() -> Iterator[Finding]:
    """One statement while all of them can be read; only then, and for so many properties, one for each."""
    connections = ChannelConnection.objects.order_by("channel_property_id")
    if _unreadable(connections) is None:
        return
    found = 0
    for connection in connections.select_related("channel_property").iterator():
        error = _unreadable(connections.filter(pk=connection.pk))
        if error is not None and found < AT_MOST:
            found += 1
            yield Finding(
                AlertKind.SECRET_UNREADABLE,
                f"{connection.channel_property}: {error} Until then what needs it waits.",
                subject=str(connection.channel_property_id),
                channel_property=connection.channel_property,
            )


def _unreadable(connections: QuerySet[ChannelConnection]) -> SecretUnreadable | None:
    try:
        list(connections.values_list(*SECRETS))
    except SecretUnreadable as error:
        return error
    return None
