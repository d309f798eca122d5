"""Table `channel_events`: the durable log of everything that goes in or out."""

from __future__ import annotations

from django.db import models

from channel_sync.errors import WaitsFor
from channel_sync.models.columns import NamedIndex, created_at_column, updated_at_column, uuid_primary_key
from channel_sync.models.property import ChannelProperty


class Direction(models.TextChoices):
    """Which way an event goes, seen from the PMS."""

    INBOUND = "inbound"
    OUTBOUND = "outbound"


class EventStatus(models.TextChoices):
    """The life of an event: received -> processing -> done, with detours over retrying, failed and ignored."""

    RECEIVED = "received"
    PROCESSING = "processing"
    DONE = "done"
    RETRYING = "retrying"
    FAILED = "failed"
    IGNORED = "ignored"


# Waiting for a worker; open is what is not settled yet.
WAITING_STATUSES = (EventStatus.RECEIVED, EventStatus.RETRYING)
OPEN_STATUSES = (*WAITING_STATUSES, EventStatus.PROCESSING)
# In none of these does the PMS count the booking that an inbound event is about.
UNAPPLIED_STATUSES = (*OPEN_STATUSES, EventStatus.FAILED)


WAITS_FOR = {
    WaitsFor.CHANNEL: "the channel to answer",
    WaitsFor.CREDITS: "credits of the channel",
    WaitsFor.PARITY: "somebody to accept what its parity check says",
    WaitsFor.PAUSE: "the property to be resumed",
    WaitsFor.LOGIN: "the property to be connected again",
    WaitsFor.EVENT: "another event to be settled",
    WaitsFor.BOOKING: "a booking of the same room type to be sent first",
}


class EventType(models.TextChoices):
    """What happened; the routing key is `<source>.<event type>`, such as `beds24.booking.created`."""

    BOOKING_CREATED = "booking.created"
    BOOKING_MODIFIED = "booking.modified"
    BOOKING_CANCELLED = "booking.cancelled"
    BOOKING_DELETED = "booking.deleted"
    AVAILABILITY_UPDATED = "availability.updated"
    BOOKING_CREATE = "booking.create"
    BOOKING_UPDATE = "booking.update"
    BOOKING_CANCEL = "booking.cancel"
    AVAILABILITY_UPDATE = "availability.update"
    RATE_UPDATE = "rate.update"
    ROOM_CLOSE = "room.close"
    PROPERTY_PAUSE = "property.pause"


class EntityType(models.TextChoices):
    """What an event is about."""

    BOOKING = "booking"
    AVAILABILITY = "availability"
    RATE = "rate"


PMS_SOURCE = "pms"


class ChannelEvent(models.Model):
    """One fact from a channel or from the PMS.

    `next_attempt_at` is the time at which the relay hands the event to the broker (again), while it waits;
    `lease_holder` has it until `lease_expires_at`, while it is processed. Rows go with their property
    by the database's own ON DELETE: Django would load every event first. From `redacted_at` on the payloads are without
    personal data, and the event is not worked again.
    """

    id = uuid_primary_key()
    channel_property = models.ForeignKey(
        ChannelProperty, on_delete=models.DO_NOTHING, related_name="events", db_index=False, db_constraint=False
    )
    direction = models.CharField(max_length=10, choices=Direction)
    source = models.CharField(max_length=50)
    event_type = models.CharField(max_length=100, choices=EventType)
    entity_type = models.CharField(max_length=50, choices=EntityType)
    entity_external_id = models.CharField(max_length=255, null=True, blank=True)
    entity_internal_id = models.UUIDField(null=True, blank=True)
    idempotency_key = models.CharField(max_length=255)
    payload = models.JSONField()
    normalized_payload = models.JSONField(null=True, blank=True)
    status = models.CharField(
        max_length=20, choices=EventStatus, default=EventStatus.RECEIVED, db_default=EventStatus.RECEIVED
    )
    attempts = models.IntegerField(null=True, default=0, db_default=0)
    max_attempts = models.IntegerField(null=True, default=3, db_default=3)
    last_error = models.TextField(null=True, blank=True)
    received_at = created_at_column()
    processed_at = models.DateTimeField(null=True, blank=True)
    created_at = created_at_column()
    updated_at = updated_at_column()

    next_attempt_at = models.DateTimeField(null=True, blank=True)
    published_at = models.DateTimeField(null=True, blank=True)
    lease_holder = models.CharField(
        max_length=255, null=True, blank=True, help_text="Which claim of which process has the event."
    )
    lease_expires_at = models.DateTimeField(
        null=True, blank=True, help_text="Renewed while the process lives; over, the event goes to another."
    )
    waits_for = models.CharField(
        max_length=20, blank=True, default="", db_default="", help_text="What put it off: channel, credits, pause, ..."
    )
    occurred_at = models.DateTimeField(null=True, blank=True)
    claimed_room = models.CharField(
        max_length=255, null=True, blank=True, help_text="The channel's room that a booking of a channel takes,"
    )
    claimed_from = models.DateField(null=True, blank=True, help_text="from this night")
    claimed_until = models.DateField(null=True, blank=True, help_text="up to but without this one,")
    claimed_units = models.IntegerField(null=True, blank=True, help_text="and how many units.")
    correlation_id = models.UUIDField(null=True, blank=True)
    redacted_at = models.DateTimeField(null=True, blank=True)
    reopened_at = models.DateTimeField(
        null=True, blank=True, help_text="When somebody last retried or replayed it: it waits since then."
    )
    warnings = models.JSONField(
        default=list,
        blank=True,
        db_default=[],
        help_text="What went out shortened, or the channel took with a warning.",
    )
    coalesced_into = models.ForeignKey(
        "self", on_delete=models.DO_NOTHING, null=True, blank=True, related_name="coalesced", db_constraint=False
    )

    class Meta:
        db_table = "channel_events"
        verbose_name = "channel event"
        constraints = [
            models.UniqueConstraint(fields=["idempotency_key"], name="idx_channel_events_idempotency_key"),
            models.CheckConstraint(
                condition=models.Q(direction__in=Direction.values), name="channel_events_direction_check"
            ),
            models.CheckConstraint(
                condition=models.Q(status__in=EventStatus.values), name="channel_events_status_check"
            ),
        ]
        indexes = [
            NamedIndex(fields=["entity_external_id"], name="idx_channel_events_external_id"),
            NamedIndex(fields=["channel_property", "status"], name="idx_channel_events_channel_status"),
            NamedIndex(fields=["status", "received_at"], name="idx_channel_events_status_received"),
            NamedIndex(fields=["entity_type", "entity_internal_id"], name="idx_channel_events_entity_lookup"),
            NamedIndex(
                fields=["status", "received_at"],
                name="idx_channel_events_dlq",
                condition=models.Q(status=EventStatus.FAILED),
            ),
            NamedIndex(fields=["received_at", "id"], name="idx_channel_events_received"),
            NamedIndex(fields=["channel_property", "received_at"], name="idx_channel_events_property_received"),
            NamedIndex(fields=["event_type", "received_at"], name="idx_channel_events_type_received"),
            NamedIndex(
                fields=["next_attempt_at"],
                name="idx_channel_events_due",
                condition=models.Q(next_attempt_at__isnull=False),
            ),
            NamedIndex(
                fields=["lease_expires_at"],
                name="idx_channel_events_leased",
                condition=models.Q(lease_expires_at__isnull=False),
            ),
            # What waits for a worker lies behind all that is done: without this a claim reads its way through it.
            NamedIndex(
                fields=["channel_property", "direction", "received_at"],
                name="idx_channel_events_open",
                condition=models.Q(status__in=OPEN_STATUSES),
            ),
            # Free units are counted without what a channel has sold and the PMS does not have yet.
            NamedIndex(
                fields=["claimed_room", "claimed_from", "claimed_until"],
                name="idx_channel_events_claims",
                condition=models.Q(claimed_room__isnull=False, status__in=UNAPPLIED_STATUSES),
            ),
            NamedIndex(
                fields=["received_at"],
                name="idx_channel_events_unredacted",
                condition=models.Q(redacted_at__isnull=True, status__in=["done", "ignored"]),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.routing_key} {self.id}"

    @property
    def waiting_for(self) -> str:
        """What an event that is not settled waits for, in words; empty for one that is settled."""
        if self.status not in OPEN_STATUSES:
            return ""
        if self.status == EventStatus.PROCESSING:
            return "nothing: a worker has it"
        if self.waits_for:
            return WAITS_FOR.get(WaitsFor(self.waits_for), self.waits_for)
        return (
            "a worker of its queue" if self.status == EventStatus.RECEIVED or self.published_at else "its next attempt"
        )

    @property
    def routing_key(self) -> str:
        """`<source>.<event type>`, what RabbitMQ routes the event's message by."""
        return f"{self.source}.{self.event_type}"
