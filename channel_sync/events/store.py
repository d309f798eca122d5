"""The store: every write of an event's status, one statement a verb; nobody else writes it.

Due times, leases and ends go by the database's clock (`Now()` is the time of the statement): processes may differ in
theirs. Which verb may take an event from which status is `events/transitions.py`. A write that finds its event
elsewhere changes nothing: it raises `IllegalTransition`, or leaves that event out where it is about several. Each end
of an event is counted here, whoever ended it, and what follows a failure is done in the transaction that fails it.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import InterfaceError, OperationalError, connection, transaction
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Coalesce, Greatest, Now
from psycopg.types.json import Jsonb

from channel_sync.channels.canonical import ClaimedNights
from channel_sync.channels.ranges import ONE_NIGHT
from channel_sync.channels.storable import storable_text
from channel_sync.conf import channel_sync_settings
from channel_sync.correlation import correlation_id
from channel_sync.errors import IllegalTransition, RefusedByChannel, WaitsFor, WorkerVanished
from channel_sync.events.handlers import handler_of
from channel_sync.events.lease import new_holder
from channel_sync.events.message import EventMessage, message_of
from channel_sync.events.new_event import NewEvent
from channel_sync.events.transitions import SETTLED_STATUSES, Verb, sources_of, target_of
from channel_sync.metrics import EVENTS
from channel_sync.models import (
    PMS_SOURCE,
    WAITING_STATUSES,
    ChannelEvent,
    Direction,
    EntityType,
    EventStatus,
    EventType,
    Notification,
    NotificationKind,
)

logger = logging.getLogger(__name__)

MAX_ERROR_LENGTH = 2000
# What is redacted can be worked where the guest is read from the PMS.
WORKABLE = Q(redacted_at=None) | Q(source=PMS_SOURCE)
# A message that expired comes back as a dead letter; should that be lost too, the relay looks at its event then.
EXPIRY_MARGIN = timedelta(minutes=5)

# One after the other in the order of `number`, to the microsecond: they share the time of the statement.
RECORD = """
INSERT INTO channel_events (
    id, channel_property_id, direction, source, event_type, entity_type, entity_external_id, entity_internal_id,
    idempotency_key, payload, normalized_payload, status, attempts, max_attempts, received_at, created_at, updated_at,
    next_attempt_at, processed_at, occurred_at, correlation_id, waits_for,
    claimed_room, claimed_from, claimed_until, claimed_units
)
SELECT id, channel_property_id, direction, source, event_type, entity_type, entity_external_id, entity_internal_id,
    idempotency_key, payload, normalized_payload, status, 0, max_attempts,
    statement_timestamp() + number * interval '1 microsecond', statement_timestamp(), statement_timestamp(),
    statement_timestamp() + due_in * interval '1 second', CASE WHEN status = 'done' THEN statement_timestamp() END,
    occurred_at, correlation_id, waits_for, claimed_room, claimed_from, claimed_until, claimed_units
FROM jsonb_to_recordset(%(events)s) AS event (
    number integer, id uuid, channel_property_id uuid, direction text, source text, event_type text, entity_type text,
    entity_external_id text, entity_internal_id uuid, idempotency_key text, payload jsonb, normalized_payload jsonb,
    status text, max_attempts integer, due_in double precision, occurred_at timestamptz, correlation_id uuid,
    waits_for text, claimed_room text, claimed_from date, claimed_until date, claimed_units integer
)
ORDER BY number
ON CONFLICT (idempotency_key) DO NOTHING
RETURNING id, next_attempt_at
"""

CLAIM = """
UPDATE channel_events
SET status = %(target)s, attempts = attempts + 1, lease_holder = %(holder)s,
    lease_expires_at = statement_timestamp() + %(lease)s::interval, next_attempt_at = NULL,
    updated_at = statement_timestamp()
WHERE id = %(id)s AND status = ANY(%(sources)s) AND (status <> 'retrying' OR published_at IS NOT NULL)
RETURNING *
"""

CLAIM_BESIDE = """
UPDATE channel_events
SET status = %(target)s, attempts = attempts + 1, lease_holder = %(holder)s,
    lease_expires_at = statement_timestamp() + %(lease)s::interval, next_attempt_at = NULL,
    updated_at = statement_timestamp()
WHERE id IN (
    SELECT id FROM channel_events
    WHERE channel_property_id = %(property)s AND status IN ('received', 'retrying') AND status = ANY(%(waiting)s)
      AND direction = %(direction)s AND entity_type = %(entity_type)s AND attempts = %(attempts)s
      AND (attempts = 0 OR published_at IS NOT NULL OR next_attempt_at <= statement_timestamp())
      AND event_type = coalesce(%(event_type)s, event_type)
    ORDER BY received_at
    LIMIT %(limit)s
    FOR UPDATE SKIP LOCKED
)
RETURNING *
"""

NOTE_SENT = """
UPDATE channel_events AS event
SET normalized_payload = sent.normalized_payload, updated_at = statement_timestamp()
FROM unnest(%(ids)s::uuid[], %(holders)s::text[], %(normalized)s::jsonb[]) AS sent (id, holder, normalized_payload)
WHERE event.id = sent.id AND event.status = ANY(%(sources)s) AND event.lease_holder = sent.holder
RETURNING event.id
"""

COMPLETE_TOGETHER = """
UPDATE channel_events AS event
SET status = %(target)s, last_error = NULL, waits_for = '',
    normalized_payload = coalesce(worked.normalized_payload, event.normalized_payload),
    entity_internal_id = coalesce(worked.entity_internal_id, event.entity_internal_id),
    entity_external_id = coalesce(worked.entity_external_id, event.entity_external_id),
    coalesced_into_id = coalesce(worked.coalesced_into_id, event.coalesced_into_id), warnings = worked.warnings,
    lease_holder = NULL, lease_expires_at = NULL, next_attempt_at = NULL,
    processed_at = statement_timestamp(), updated_at = statement_timestamp()
FROM unnest(
    %(ids)s::uuid[], %(holders)s::text[], %(normalized)s::jsonb[], %(internal)s::uuid[], %(external)s::text[],
    %(into)s::uuid[], %(warnings)s::jsonb[]
) AS worked (id, holder, normalized_payload, entity_internal_id, entity_external_id, coalesced_into_id, warnings)
WHERE event.id = worked.id AND event.status = ANY(%(sources)s) AND event.lease_holder = worked.holder
RETURNING event.id
"""

# What is due was never published, or waits for its retry; once it is handed over it is due again after the grace.
HAND_OVER = """
WITH due AS (
    SELECT id FROM channel_events
    WHERE next_attempt_at <= statement_timestamp() AND status IN ('received', 'retrying')
    ORDER BY next_attempt_at
    LIMIT %(batch)s
    FOR UPDATE SKIP LOCKED
)
UPDATE channel_events AS event
SET published_at = CASE WHEN event.status = 'received' THEN event.published_at ELSE statement_timestamp() END,
    next_attempt_at = statement_timestamp() + %(grace)s::interval, updated_at = statement_timestamp()
FROM due
WHERE event.id = due.id
RETURNING event.id, event.direction, event.event_type, event.source, event.correlation_id, event.next_attempt_at
"""

# What waits longer than that by itself is left as it is.
DEFER_BESIDE = """
WITH beside AS (
    SELECT id FROM channel_events
    WHERE channel_property_id = %(property)s AND status IN ('received', 'retrying') AND status = ANY(%(sources)s)
      AND direction = %(direction)s AND event_type = %(event_type)s AND id <> %(lead)s
      AND (%(entity)s::uuid IS NULL OR entity_internal_id = %(entity)s)
      AND (published_at IS NOT NULL OR next_attempt_at < statement_timestamp() + %(delay)s::interval / 2)
    ORDER BY received_at
    LIMIT %(limit)s
    FOR UPDATE SKIP LOCKED
)
UPDATE channel_events AS event
SET status = %(target)s, next_attempt_at = statement_timestamp() + %(delay)s::interval, published_at = NULL,
    waits_for = %(waits_for)s, last_error = %(error)s, updated_at = statement_timestamp()
FROM beside
WHERE event.id = beside.id
"""

CONFIRM_PUBLISHED = """
UPDATE channel_events AS event
SET published_at = statement_timestamp(), next_attempt_at = statement_timestamp() + %(expired)s::interval,
    updated_at = statement_timestamp()
FROM unnest(%(ids)s::uuid[], %(handed_over)s::timestamptz[]) AS message (id, handed_over_at)
WHERE event.id = message.id AND event.next_attempt_at = message.handed_over_at
  AND event.status IN ('received', 'retrying')
"""

# The weakest lock that resuming waits for: a push that notes its success, its events locked, does not.
STILL_PAUSED = "SELECT id FROM channel_properties WHERE id = %s AND status = 'inactive' FOR KEY SHARE"

# Through an index of what is open, whatever lies in the log; what was published first comes first.
RESCUE_LOST = """
WITH lost AS (
    SELECT id FROM channel_events
    WHERE next_attempt_at > statement_timestamp()
      AND published_at < least(statement_timestamp(), %(before)s::timestamptz) - %(after)s::interval
      AND status IN ('received', 'retrying') AND direction = %(direction)s
      AND (%(types)s::text[] IS NULL OR event_type = ANY(%(types)s))
    ORDER BY next_attempt_at
    LIMIT %(batch)s
    FOR UPDATE SKIP LOCKED
)
UPDATE channel_events AS event
SET next_attempt_at = statement_timestamp(), updated_at = statement_timestamp()
FROM lost
WHERE event.id = lost.id
"""

HAS_UNCLAIMED = """
SELECT EXISTS (
    SELECT FROM channel_events
    WHERE next_attempt_at > statement_timestamp() AND published_at < statement_timestamp() - %(after)s::interval
      AND status IN ('received', 'retrying') AND direction = %(direction)s
)
"""

RESCUE_VANISHED = """
WITH left_behind AS (
    SELECT id FROM channel_events
    WHERE lease_expires_at <= statement_timestamp() AND status = ANY(%(sources)s) AND attempts < max_attempts
    ORDER BY lease_expires_at
    LIMIT %(batch)s
    FOR UPDATE SKIP LOCKED
)
UPDATE channel_events AS event
SET status = %(target)s, lease_holder = NULL, lease_expires_at = NULL, published_at = NULL, waits_for = '',
    next_attempt_at = statement_timestamp(), updated_at = statement_timestamp(),
    last_error = 'WorkerVanished: The worker that held the event vanished during attempt ' || event.attempts || '.'
FROM left_behind
WHERE event.id = left_behind.id
"""


@dataclass(frozen=True)
class Worked:
    """A claimed event whose effect is made, and what to keep with it; None leaves what the event says already."""

    event: ChannelEvent
    normalized_payload: dict[str, Any] | None = None
    entity_internal_id: UUID | None = None
    entity_external_id: str | None = None
    coalesced_into: UUID | None = None
    warnings: Sequence[str] = ()


# ----- into the log -----


def record(event: NewEvent) -> EventMessage | None:
    """Insert an event; None when its idempotency key is known already.

    Runs in the caller's transaction. The relay takes the event after `relay_grace` if nobody published it.
    """
    recorded = _insert([event])
    return _message(event, recorded[event.id]) if event.id in recorded else None


def record_all(events: Iterable[NewEvent]) -> list[EventMessage]:
    """Insert several events in one statement; the messages to publish, of those that are new and do not wait."""
    wanted = list(events)
    recorded = _insert(wanted) if wanted else {}
    return [_message(event, recorded[event.id]) for event in wanted if event.id in recorded and event.waits is None]


def record_done(event: NewEvent) -> None:
    """Insert an event whose effect is in the same transaction: nothing is left to work."""
    _insert([event], EventStatus.DONE)
    _count(event.direction.value, event.event_type.value, EventStatus.DONE)


# ----- into and out of a worker's hands -----


def claim(event_id: UUID) -> ChannelEvent | None:
    """Take an event for processing under a lease and count the attempt, in a transaction of its own.

    None when there is nothing to do: the event is settled, in another worker's hands, or waits for its retry.
    """
    found = list(ChannelEvent.objects.raw(CLAIM, {"id": event_id, **_claiming(new_holder())}))
    return found[0] if found else None


def claim_beside(
    lead: ChannelEvent, *, limit: int, event_type: EventType | None = None, is_again: bool = False
) -> list[ChannelEvent]:
    """Take events like the lead that wait beside it and were tried as often; oldest first.

    Those that were never tried are taken whatever put them off; `is_again` leaves them out then: the lead's own worker
    may have put them off a moment ago. They share the lead's lease. The fewer attempts are left, the fewer go together,
    and on its last one the lead goes alone: if it is what kills the worker, it takes few others with it, and none in
    the end.
    """
    limit = _fewer(limit, lead)
    if not limit:
        return []
    parameters = {
        "attempts": max((lead.attempts or 1) - 1, 0),
        "property": lead.channel_property_id,
        "direction": lead.direction,
        "entity_type": lead.entity_type,
        "event_type": event_type,
        "limit": limit,
        "waiting": [EventStatus.RECEIVED] if is_again else list(WAITING_STATUSES),
        **_claiming(lead.lease_holder or new_holder()),
    }
    claimed = list(ChannelEvent.objects.raw(CLAIM_BESIDE, parameters))
    for event in claimed:
        event.channel_property = lead.channel_property
    return sorted(claimed, key=lambda event: (event.received_at is None, event.received_at))


def _fewer(limit: int, lead: ChannelEvent) -> int:
    """How many go with a lead in this attempt: by equal ratios from all that fit, at the first, to none at the last."""
    most, attempt = lead.max_attempts or 1, lead.attempts or 1
    if most <= 1 or attempt <= 1:
        return limit
    share = max(most - attempt, 0) / (most - 1)
    return round(math.pow(limit + 1, share)) - 1


def renew(holders: Sequence[str]) -> int:
    """Let the leases of these holders last `lease_ttl` from now; how many events they hold.

    Those that are locked are being ended at this moment, many in one transaction maybe: it waits for none of them.
    """
    held = ChannelEvent.objects.filter(
        lease_expires_at__isnull=False, lease_holder__in=holders, status__in=sources_of(Verb.COMPLETE)
    )
    free = held.select_for_update(skip_locked=True).values("id")
    return ChannelEvent.objects.filter(id__in=free).update(lease_expires_at=Now() + _lease())


def require_claim(event: ChannelEvent) -> None:
    """Raise `IllegalTransition` when the event was settled while its worker waited for the account."""
    if not _held(event, Verb.COMPLETE).exists():
        raise IllegalTransition(event.id, EventStatus.DONE.value)


def note_sent(sent: Sequence[tuple[ChannelEvent, dict[str, Any]]]) -> None:
    """Keep what is about to be sent, of all events or of none: from now on the call may have reached the channel."""
    parameters: dict[str, Any] = {
        "ids": [event.id for event, _ in sent],
        "holders": [event.lease_holder for event, _ in sent],
        "normalized": [Jsonb(normalized) for _, normalized in sent],
        "sources": sources_of(Verb.COMPLETE),
    }
    with transaction.atomic():
        _require_all([event for event, _ in sent], EventStatus.PROCESSING, NOTE_SENT, parameters)


def complete(event: ChannelEvent, **columns: Any) -> None:
    """The effect is in the same transaction: the event is done. `columns` are set on the row too."""
    _settle(event, Verb.COMPLETE, last_error=None, **columns)


def complete_together(worked: Sequence[Worked]) -> None:
    """`complete` for several events in one statement: all of them or none. `note_completed` follows the commit."""
    parameters: dict[str, Any] = {
        "ids": [one.event.id for one in worked],
        "holders": [one.event.lease_holder for one in worked],
        "normalized": [None if one.normalized_payload is None else Jsonb(one.normalized_payload) for one in worked],
        "internal": [one.entity_internal_id for one in worked],
        "external": [one.entity_external_id for one in worked],
        "into": [one.coalesced_into for one in worked],
        "warnings": [Jsonb(list(one.warnings)) for one in worked],
        "sources": sources_of(Verb.COMPLETE),
        "target": target_of(Verb.COMPLETE).value,
    }
    _require_all([one.event for one in worked], EventStatus.DONE, COMPLETE_TOGETHER, parameters)


def note_completed(event: ChannelEvent) -> None:
    """Let the event in memory and the metrics know what `complete_together` has written."""
    event.status = EventStatus.DONE
    _count(event.direction, event.event_type, EventStatus.DONE)


def complete_into(events: Sequence[ChannelEvent], *, into: ChannelEvent) -> None:
    """Complete claimed events whose effect another event's call had."""
    for event in events:
        _settle(event, Verb.COMPLETE, coalesced_into=into, last_error=None)


def coalesce(event_ids: Sequence[UUID], into: ChannelEvent) -> int:
    """Complete events whose effect another event's call had, whoever has claimed them: see `require_claim`."""
    closed = ChannelEvent.objects.filter(id__in=event_ids, status__in=sources_of(Verb.COALESCE)).update(
        **_ended(Verb.COALESCE), coalesced_into=into, last_error=None
    )
    _count(into.direction, into.event_type, EventStatus.DONE, closed)
    return closed


def ignore(event: ChannelEvent, reason: str, **columns: Any) -> None:
    """The event needs no effect; the reason is kept. `columns` are set on the row too."""
    _settle(event, Verb.IGNORE, last_error=reason, **columns)


def snooze(event: ChannelEvent, delay: timedelta, error: Exception) -> None:
    """Another attempt after `delay`, as if this one had not been: nothing was tried. It says what it waits for.

    What waits for the end of a pause that is over by now is due at once: resuming woke what waited before it.
    """
    with transaction.atomic():
        if _pause_is_over(event.channel_property_id, error):
            delay = timedelta(0)
        _wait(event, Verb.SNOOZE, delay, error, attempts=Greatest(F("attempts") - 1, 0))


def defer_beside(
    lead: ChannelEvent, delay: timedelta, error: Exception, *, limit: int, entity: UUID | None = None
) -> int:
    """Put off the events like the lead, of one entity or of any, that wait beside it; returns how many.

    The lead looks for all of them, so none has to find out by itself what it waits for. What is in the queue already
    is let go by the worker that receives it. Those that another is settling are left to it, and all are left alone when
    the pause that the lead waits for is over by now.
    """
    parameters: dict[str, Any] = {
        "property": lead.channel_property_id,
        "direction": lead.direction,
        "event_type": lead.event_type,
        "lead": lead.id,
        "entity": entity,
        "delay": delay,
        "waits_for": getattr(error, "waits_for", ""),
        "error": _said(error),
        "limit": limit,
        "sources": sources_of(Verb.DEFER),
        "target": target_of(Verb.DEFER).value,
    }
    with transaction.atomic(), connection.cursor() as cursor:
        if _pause_is_over(lead.channel_property_id, error):
            return 0
        cursor.execute(DEFER_BESIDE, parameters)
        return int(cursor.rowcount)


def retry(event: ChannelEvent, delay: timedelta, error: Exception) -> None:
    """Another attempt after `delay`; this one stays counted."""
    _wait(event, Verb.RETRY, delay, error)


def fail(event: ChannelEvent, error: Exception) -> None:
    """No more attempts: the event goes to the dead letters, and what follows from its failure is done."""
    with transaction.atomic():
        handler_of(event.event_type).on_failure(event, error)
        _settle(event, Verb.FAIL, last_error=_said(error))
        if isinstance(error, RefusedByChannel):
            _note_refused(event, error)


# ----- to the broker -----


def hand_over() -> list[EventMessage]:
    """Take a batch of due events for the broker; those that are not confirmed within `relay_grace` are due again."""
    settings = channel_sync_settings()
    parameters: dict[str, Any] = {"batch": settings.relay_batch, "grace": settings.relay_grace}
    with connection.cursor() as cursor:
        cursor.execute(HAND_OVER, parameters)
        rows = cursor.fetchall()
    return [
        EventMessage(event_id, Direction(direction), event_type, f"{source}.{event_type}", correlation, handed_over_at)
        for event_id, direction, event_type, source, correlation, handed_over_at in rows
    ]


def confirm_published(messages: Sequence[EventMessage]) -> None:
    """The broker has the messages: their events are looked at again when the messages have expired, or are lost.

    An event that a worker has claimed meanwhile is left alone.
    """
    if not messages:
        return
    parameters: dict[str, Any] = {
        "expired": channel_sync_settings().message_ttl + EXPIRY_MARGIN,
        "ids": [message.event_id for message in messages],
        "handed_over": [message.handed_over_at for message in messages],
    }
    with connection.cursor() as cursor:
        cursor.execute(CONFIRM_PUBLISHED, parameters)


def has_unclaimed(direction: Direction) -> bool:
    """Whether an event was published more than `rescue_after` ago, and is in no worker's hands."""
    parameters: dict[str, Any] = {"after": channel_sync_settings().rescue_after, "direction": direction.value}
    with connection.cursor() as cursor:
        cursor.execute(HAS_UNCLAIMED, parameters)
        row: tuple[bool] = cursor.fetchone()
    return row[0]


def rescue_lost(
    direction: Direction, types: Sequence[EventType] | None = None, *, before: datetime | None = None
) -> int:
    """Make due the unclaimed events of these or all types that were published before a time, or ever; how many.

    The caller knows that the queue has their messages no more. At most `relay_batch`, those published first, and none
    that was published within `rescue_after` before that time or now. A worker may hold the message of one that is not
    lost: it is published twice then, no more often than every `rescue_after`, and the claim decides.
    """
    settings = channel_sync_settings()
    parameters: dict[str, Any] = {
        "after": settings.rescue_after,
        "direction": direction.value,
        "batch": settings.relay_batch,
        "types": None if types is None else [event_type.value for event_type in types],
        "before": before,
    }
    with connection.cursor() as cursor:
        cursor.execute(RESCUE_LOST, parameters)
        return int(cursor.rowcount)


def rescue_vanished() -> int:
    """Give events whose lease is over to another worker; one that was at its last attempt fails. Returns how many.

    At most `relay_batch` of each.
    """
    batch = channel_sync_settings().relay_batch
    parameters: dict[str, Any] = {
        "sources": sources_of(Verb.RESCUE),
        "target": target_of(Verb.RESCUE).value,
        "batch": batch,
    }
    with connection.cursor() as cursor:
        cursor.execute(RESCUE_VANISHED, parameters)
        rescued = int(cursor.rowcount)
    return rescued + _fail_vanished(batch)


def make_due(event_ids: Iterable[UUID]) -> int:
    """What waits among these events is due now: their messages are gone."""
    return _waiting(ChannelEvent.objects.filter(id__in=list(event_ids))).update(next_attempt_at=Now(), updated_at=Now())


def wake(channel_property_id: UUID) -> int:
    """Whatever waits of a property is due now, and for nothing else; returns how many events that are."""
    waiting = _waiting(ChannelEvent.objects.filter(channel_property_id=channel_property_id))
    woken = {"next_attempt_at": Now(), "waits_for": WaitsFor.TURN.value, "updated_at": Now()}
    return waiting.filter(next_attempt_at__gt=Now()).update(**woken)


# ----- when a person says so -----


def restart(events: QuerySet[ChannelEvent], statuses: Iterable[EventStatus]) -> list[EventMessage]:
    """Those of the events that have one of the statuses as if just received; the messages to publish.

    One whose lease is over counts as waiting; one that a live worker holds is left alone, and what came from a channel
    and is redacted: its guest is gone. Redacted ones of the PMS are sent as the reservation is now.
    """
    restarted = list(restartable(events, statuses).select_for_update().order_by("id"))
    due = Now() + channel_sync_settings().relay_grace
    ChannelEvent.objects.filter(id__in=[event.id for event in restarted]).update(**_fresh(), next_attempt_at=due)
    return [message_of(event) for event in ChannelEvent.objects.filter(id__in=[event.id for event in restarted])]


def restart_due(events: QuerySet[ChannelEvent], statuses: Iterable[EventStatus]) -> int:
    """The same in one statement for any number of events, which the relay publishes; returns how many."""
    return restartable(events.order_by(), statuses).update(**_fresh(), next_attempt_at=Now())


def restartable(events: QuerySet[ChannelEvent], statuses: Iterable[EventStatus]) -> QuerySet[ChannelEvent]:
    """Those of the events that `restart` would start again now."""
    return _unheld(events, statuses).filter(WORKABLE)


def try_once_more(event_id: UUID) -> bool:
    """Give a failed event one attempt more, which the caller makes at once; False when it is not failed any more.

    It fails again at once if that attempt does: what was alerted stays alerted.
    """
    failed = ChannelEvent.objects.filter(id=event_id, status=EventStatus.FAILED, redacted_at=None)
    columns = _fresh() | {"attempts": Coalesce("max_attempts", 1) - 1}
    return bool(failed.update(**columns, next_attempt_at=Now() + channel_sync_settings().relay_grace))


def dismiss(event_ids: Sequence[UUID], reason: str) -> int:
    """Ignore failed and waiting events without their effect; how many there were. Their dead letters go with them."""
    found = dismissable(ChannelEvent.objects.filter(id__in=event_ids)).select_for_update().order_by("id")
    with transaction.atomic():
        dismissed = list(found.only("id", "direction", "event_type"))
        ChannelEvent.objects.filter(id__in=[event.id for event in dismissed]).update(
            **_ended(Verb.DISMISS), last_error=reason
        )
    for event in dismissed:
        _count(event.direction, event.event_type, EventStatus.IGNORED)
    return len(dismissed)


def dismissable(events: QuerySet[ChannelEvent]) -> QuerySet[ChannelEvent]:
    """Those of the events that `dismiss` would ignore now."""
    return _unheld(events, [EventStatus(name) for name in sources_of(Verb.DISMISS)])


# ----- the writes behind them -----


def _insert(events: Sequence[NewEvent], status: EventStatus = EventStatus.RECEIVED) -> dict[UUID, Any]:
    """The ids of the events that are new, and when each is due."""
    parameters: dict[str, Any] = {"events": Jsonb([_columns(event, n, status) for n, event in enumerate(events)])}
    with connection.cursor() as cursor:
        cursor.execute(RECORD, parameters)
        return dict(cursor.fetchall())


def _columns(event: NewEvent, number: int, status: EventStatus) -> dict[str, Any]:
    settings = channel_sync_settings()
    due_in = event.waits or settings.relay_grace
    return {
        "number": number,
        "id": str(event.id),
        "channel_property_id": str(event.channel_property_id),
        "direction": event.direction.value,
        "source": event.source,
        "event_type": event.event_type.value,
        "entity_type": event.entity_type.value,
        "entity_external_id": event.entity_external_id,
        "entity_internal_id": None if event.entity_internal_id is None else str(event.entity_internal_id),
        "idempotency_key": event.idempotency_key,
        "payload": event.payload,
        "normalized_payload": event.normalized_payload,
        "status": status.value,
        "max_attempts": settings.max_attempts_by_type.get(event.routing_key, settings.max_attempts),
        "due_in": None if status is EventStatus.DONE else due_in.total_seconds(),
        "waits_for": WaitsFor.PAUSE if event.waits is not None else WaitsFor.TURN,
        "occurred_at": None if event.occurred_at is None else event.occurred_at.isoformat(),
        "correlation_id": str(correlation_id()),
        **_claimed(event.claims),
    }


def _message(event: NewEvent, due_at: Any) -> EventMessage:
    return EventMessage(
        event_id=event.id,
        direction=event.direction,
        event_type=event.event_type,
        routing_key=event.routing_key,
        correlation_id=correlation_id(),
        handed_over_at=due_at,
    )


def _claimed(claims: ClaimedNights | None) -> dict[str, Any]:
    """What is not wholly known claims nothing here: pushes hold back for it (`inbound/unapplied.py`)."""
    known = claims if claims and claims.external_room_id and claims.first_night and claims.last_night else None
    return {
        "claimed_room": known.external_room_id if known else None,
        "claimed_from": str(known.first_night) if known else None,
        "claimed_until": str(known.last_night + ONE_NIGHT) if known and known.last_night else None,
        "claimed_units": known.units if known else None,
    }


def _claiming(holder: str) -> dict[str, Any]:
    return {
        "holder": holder,
        "lease": _lease(),
        "sources": sources_of(Verb.CLAIM),
        "target": target_of(Verb.CLAIM).value,
    }


def _lease() -> timedelta:
    settings = channel_sync_settings()
    return min(settings.lease_ttl, settings.processing_lease)


def _held(event: ChannelEvent, verb: Verb) -> QuerySet[ChannelEvent]:
    """The event, as long as it is under the claim that the caller has."""
    return ChannelEvent.objects.filter(id=event.id, status__in=sources_of(verb), lease_holder=event.lease_holder)


def _require_all(events: Sequence[ChannelEvent], to: EventStatus, write: str, parameters: dict[str, Any]) -> None:
    """Write to all of the events; raises `IllegalTransition` for one that is in other hands by now."""
    with connection.cursor() as cursor:
        cursor.execute(write, parameters)
        written = {row[0] for row in cursor.fetchall()}
    for event in events:
        if event.id not in written:
            raise IllegalTransition(event.id, to.value)


def _settle(event: ChannelEvent, verb: Verb, **columns: Any) -> None:
    _move(event, verb, **_ended(verb), **columns)
    _count(event.direction, event.event_type, target_of(verb))


def _note_refused(event: ChannelEvent, error: RefusedByChannel) -> None:
    """That it failed is noted by a trigger; only here it is known that the channel has said no to a booking."""
    if event.entity_type != EntityType.BOOKING or event.direction != Direction.OUTBOUND:
        return
    Notification.objects.create(
        kind=NotificationKind.RESERVATION_REFUSED,
        channel_property_id=event.channel_property_id,
        subject_id=event.id,
        payload={
            "event_id": str(event.id),
            "direction": event.direction,
            "event_type": event.event_type,
            "entity_type": event.entity_type,
            "entity_internal_id": str(event.entity_internal_id) if event.entity_internal_id else None,
            "entity_external_id": event.entity_external_id,
            "attempts": event.attempts,
            "error": type(error).__name__,
        },
    )


def _pause_is_over(channel_property_id: UUID, error: Exception) -> bool:
    """Whether an error waits for a pause that is over by now; if not, it is not over before the transaction ends."""
    if getattr(error, "waits_for", "") != WaitsFor.PAUSE:
        return False
    with connection.cursor() as cursor:
        cursor.execute(STILL_PAUSED, [channel_property_id])
        return cursor.fetchone() is None


def _wait(event: ChannelEvent, verb: Verb, delay: timedelta, error: Exception, **columns: Any) -> None:
    _move(
        event,
        verb,
        status=target_of(verb),
        lease_holder=None,
        lease_expires_at=None,
        next_attempt_at=Now() + max(delay, timedelta(0)),
        published_at=None,
        waits_for=getattr(error, "waits_for", ""),
        last_error=_said(error),
        updated_at=Now(),
        **columns,
    )


def _move(event: ChannelEvent, verb: Verb, **columns: Any) -> None:
    if not _held(event, verb).update(**columns):
        raise IllegalTransition(event.id, target_of(verb).value)
    event.status = target_of(verb)


def _ended(verb: Verb) -> dict[str, Any]:
    """What every end of an event sets."""
    return {
        "status": target_of(verb),
        "lease_holder": None,
        "lease_expires_at": None,
        "next_attempt_at": None,
        "waits_for": "",
        "processed_at": Now(),
        "updated_at": Now(),
    }


def _fresh() -> dict[str, Any]:
    """As if just received."""
    return {
        "status": target_of(Verb.RESTART),
        "attempts": 0,
        "coalesced_into": None,
        "published_at": None,
        "processed_at": None,
        "lease_holder": None,
        "lease_expires_at": None,
        "waits_for": "",
        "redacted_at": None,
        "reopened_at": Now(),
        "updated_at": Now(),
    }


def _waiting(events: QuerySet[ChannelEvent]) -> QuerySet[ChannelEvent]:
    return events.filter(status__in=WAITING_STATUSES)


def _unheld(events: QuerySet[ChannelEvent], statuses: Iterable[EventStatus]) -> QuerySet[ChannelEvent]:
    """Those of the statuses that no live worker holds; what a dead one held counts as waiting."""
    wanted = set(statuses)
    free = Q(status__in=wanted - {EventStatus.PROCESSING})
    if wanted - SETTLED_STATUSES:
        free |= Q(status=EventStatus.PROCESSING, lease_expires_at__lte=Now())
    return events.filter(free)


def _fail_vanished(batch: int) -> int:
    """Fail what was at its last attempt, one by one: a failure that cannot be followed holds up no other."""
    exhausted = ChannelEvent.objects.filter(
        lease_expires_at__lte=Now(), status__in=sources_of(Verb.FAIL), attempts__gte=F("max_attempts")
    )
    failed = 0
    for event_id in list(exhausted.order_by("lease_expires_at").values_list("id", flat=True)[:batch]):
        try:
            with transaction.atomic():
                event = exhausted.select_for_update(skip_locked=True).filter(id=event_id).first()
                if event is not None:
                    fail(event, WorkerVanished(event.attempts or 0))
                    failed += 1
        except (OperationalError, InterfaceError):
            raise
        except Exception as error:  # noqa: BLE001 - whatever the host's code raises, the others end, and the relay goes on
            logger.warning("event %s could not be failed, it is tried again: %s", event_id, type(error).__name__)
    return failed


def _count(direction: str, event_type: str, status: EventStatus, number: int = 1) -> None:
    EVENTS.labels(direction, event_type, status.value).inc(number)


def _said(error: Exception) -> str:
    return storable_text(f"{type(error).__name__}: {error}")[:MAX_ERROR_LENGTH]
