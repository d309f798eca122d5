"""The settings of channel_sync: one dict in the host's settings, read and checked in one place."""

from __future__ import annotations

from datetime import timedelta
from functools import lru_cache
from typing import Any, Literal, Self

from django.conf import settings
from django.core.signals import setting_changed
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from channel_sync.errors import ConfigurationError

HOST_MODEL_SETTINGS = (
    "CHANNEL_SYNC_PROPERTY_MODEL",
    "CHANNEL_SYNC_ROOM_TYPE_MODEL",
    "CHANNEL_SYNC_RESERVATION_MODEL",
)

# Beat keeps whole seconds: less would be none, and start a task without a pause.
SHORTEST_INTERVAL = timedelta(seconds=1)


MergedField = Literal[
    "status",
    "dates",
    "room",
    "units",
    "adults",
    "children",
    "price",
    "notes",
    "guest_name",
    "email",
    "phone",
    "country",
]


class Owners(BaseModel):
    """Whose change of a field of a booking stands when both sides have changed it; what is not named is as ever."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    ota: dict[MergedField, Literal["channel", "pms"]] = {}
    pms: dict[MergedField, Literal["channel", "pms"]] = {}


class ChannelSyncSettings(BaseModel):
    """`settings.CHANNEL_SYNC`; a time span may be written as seconds or as a `timedelta`."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    @model_validator(mode="after")
    def _alerts_have_where_to_go(self) -> Self:
        needed = {"email": self.alert_email_to, "webhook": self.alert_webhook_url and self.alert_webhook_secret}
        for way, address in needed.items():
            if way in self.alert_channels and not address:
                missing = "alert_email_to" if way == "email" else "alert_webhook_url and alert_webhook_secret"
                raise ValueError(f"alert_channels has '{way}', which needs {missing}")
        return self

    pms: str = Field(
        description="Dotted path of the class that implements `channel_sync.pms.PropertyManagementSystem`."
    )
    channels: dict[str, str] = Field(
        default={"beds24": "channel_sync.channels.beds24.channel.Beds24Channel"},
        description="Channel name -> dotted path of the class that implements `channel_sync.channels.base.Channel`.",
    )
    channel_options: dict[str, dict[str, Any]] = Field(
        default={},
        description=(
            "Channel name -> its options; for beds24: `base_url`, `connect_timeout`, `read_timeout`, `organization`."
        ),
    )

    capture: bool = Field(
        default=True,
        description="Capture writes of the host's rows by triggers, which `migrate` installs. Switched off, `migrate` "
        "removes them, and only saves that send Django's signals are followed.",
    )

    webhook_max_bytes: int = Field(default=1_000_000, gt=0, description="A larger webhook body is answered 413.")
    webhook_tolerance: timedelta = Field(
        default=timedelta(minutes=5),
        description="How far the time stamp of a signed webhook may be from the database's clock.",
    )
    webhook_secret_header: str = Field(
        default="X-Channel-Sync-Secret", description="Header that carries the secret in verification mode `header`."
    )
    webhook_timestamp_header: str = Field(
        default="X-Channel-Sync-Timestamp", description="Header with the Unix time of signing, in mode `hmac`."
    )
    webhook_signature_header: str = Field(
        default="X-Channel-Sync-Signature",
        description="Header with the hexadecimal HMAC-SHA256 of `<timestamp>.<raw body>`, in mode `hmac`.",
    )

    api_write_rate: str | None = Field(
        default="300/min",
        pattern=r"^[1-9]\d*/(s|sec|min|h|hour|d|day)$",
        description="Writes of one login to the API, such as `300/min`; more are answered 429. None sets no limit.",
    )
    webhook_old_secret_for: timedelta = Field(
        default=timedelta(days=7),
        gt=timedelta(0),
        description="How long the old webhook secret of a property is taken at most, where no webhook has brought the "
        "new one.",
    )

    queue_prefix: str = Field(default="", description="Put before every exchange and queue name.")
    queue_type: Literal["classic", "quorum"] = Field(
        default="classic", description="Queue type at RabbitMQ; quorum queues have no `x-max-priority`."
    )
    publish_timeout: float = Field(
        default=2.0, gt=0, description="Seconds to wait for a connection and for a publisher confirm."
    )
    publish_pause: float = Field(
        default=2.0,
        ge=0,
        description="Seconds without a publish attempt after the broker failed; the relay takes over.",
    )

    publish_in_background: bool = Field(
        default=True,
        description="Publish in a thread of the process, once the event is committed; switched off, the caller waits.",
    )

    max_attempts: int = Field(default=3, gt=0, description="Attempts before an event goes to the dead letters.")
    max_attempts_by_type: dict[str, int] = Field(
        default={}, description="Routing key, such as `beds24.booking.created` -> attempts, over `max_attempts`."
    )
    retry_delays: tuple[timedelta, ...] = Field(
        default=(timedelta(seconds=5), timedelta(seconds=25), timedelta(seconds=125)),
        min_length=1,
        description="Wait after the first, second, third failed attempt; the last one repeats.",
    )
    rate_limit_delays: tuple[timedelta, ...] = Field(
        default=(timedelta(seconds=60), timedelta(seconds=300), timedelta(seconds=900)),
        min_length=1,
        description="Wait when rate limited, where the channel does not say how long.",
    )
    probe_delays: tuple[timedelta, ...] = Field(
        default=(timedelta(seconds=3), timedelta(seconds=10), timedelta(seconds=30), timedelta(seconds=60)),
        min_length=1,
        description="Wait between the probes of a channel that does not answer; the last one repeats.",
    )
    pace_interval: timedelta = Field(
        default=timedelta(seconds=40),
        description="Distance between the calls of a property whose credits run out; shorter the more it has left.",
    )
    credit_reserve: int = Field(
        default=3, ge=0, description="Credits of an account that stay unused, for a call dearer than expected."
    )
    retry_jitter: float = Field(default=0.1, ge=0, le=1, description="Share of a delay that is added at random.")

    relay_interval: timedelta = Field(
        default=timedelta(seconds=3), ge=SHORTEST_INTERVAL, description="How often beat starts the relay."
    )
    relay_batch: int = Field(default=500, gt=0, description="Events that one relay statement takes.")
    relay_grace: timedelta = Field(
        default=timedelta(seconds=10), description="Time for a direct publish before the relay takes an event."
    )
    rescue_after: timedelta = Field(
        default=timedelta(seconds=60),
        gt=timedelta(0),
        description="A published event that no worker has claimed for longer, while its queue is empty or hands out "
        "what was published later, is published again: its message is lost.",
    )
    lease_ttl: timedelta = Field(
        default=timedelta(seconds=45),
        gt=timedelta(0),
        description="An event whose worker has not renewed its lease for longer goes to another: the worker died.",
    )
    processing_lease: timedelta = Field(
        default=timedelta(minutes=3), description="A worker that holds an event for longer is taken for stuck."
    )
    message_ttl: timedelta = Field(
        default=timedelta(hours=24), description="`x-message-ttl`; the relay publishes again what expired."
    )
    worker_prefetch: int = Field(default=4, gt=0, description="Messages that one worker process takes ahead.")

    owners: Owners = Field(
        default=Owners(),
        description="Whose change stands when both sides have changed a field: `{'ota': {field: 'channel' or 'pms'}, "
        "'pms': {...}}`, over the table of docs/architecture.md, for bookings of OTAs and for those made in the PMS.",
    )
    owners_by_property: dict[str, Owners] = Field(
        default={}, description="The same for single properties, by their id in the PMS, over `owners`."
    )
    desk_cancellation: Literal["reopen", "keep_closed"] = Field(
        default="reopen",
        description="What becomes of the room when the PMS cancels a booking of an OTA, which still has it: it is for "
        "sale at once, or stays taken until the OTA has cancelled too.",
    )
    hold_ttl: timedelta = Field(
        default=timedelta(minutes=15),
        description="Life of an inventory hold: how long a reservation waits for its channel before it fails, or is "
        "alerted, by `hold_policy`.",
    )
    hold_policy: Literal["optimistic", "strict"] = Field(
        default="optimistic",
        description="What becomes of a reservation whose channel does not answer within `hold_ttl`: `optimistic` keeps "
        "its room and sends it when the channel is back, `strict` lets it fail. What the channel refuses fails at "
        "once.",
    )
    reaper_interval: timedelta = Field(
        default=timedelta(minutes=5),
        ge=SHORTEST_INTERVAL,
        description="How often beat starts the reaper of expired holds.",
    )
    resume_interval: timedelta = Field(
        default=timedelta(seconds=30),
        ge=SHORTEST_INTERVAL,
        description="How often beat starts what a process left unfinished: comparisons and first synchronisations.",
    )
    pull_before_push: bool = Field(
        default=True,
        description="Ask the channel for changed bookings before and after availability is pushed, and before a "
        "booking is updated or cancelled. Switched off, a push can reopen a room that an OTA has just sold, or undo a "
        "change of a booking.",
    )
    check_availability_at_channel: bool = Field(
        default=True,
        description="Have the channel refuse a new booking that it has no room for: it counts what OTAs have sold and "
        "the PMS has not heard of. Switched off, the last room can be sold twice while a webhook is on its way.",
    )
    pull_overlap: timedelta = Field(
        default=timedelta(minutes=5),
        description="How far back of the last look changed bookings are asked for; more than the clocks differ.",
    )
    bookings_per_call: int = Field(
        default=1000, gt=0, le=2000, description="Waiting events of bookings of a property that one call answers."
    )
    bookings_per_transaction: int = Field(
        default=100,
        gt=0,
        le=500,
        description="New bookings that one transaction takes in, and sent ones that one transaction settles.",
    )
    calendar_nights: int = Field(
        default=500, gt=0, le=1000, description="Nights from today that availability and rates are kept equal for."
    )
    reconciliation_reserve: float = Field(
        default=0.5,
        ge=0,
        le=1,
        description="Share of a property's credits that a reconciliation leaves to live pushes; below it, it waits.",
    )
    reconcile_bookings_interval: timedelta = Field(
        default=timedelta(minutes=20),
        ge=SHORTEST_INTERVAL,
        description="How often bookings are compared, for properties connected from now on; then in the admin.",
    )
    reconcile_availability_interval: timedelta = Field(
        default=timedelta(hours=1), ge=SHORTEST_INTERVAL, description="How often availability is compared, likewise."
    )
    reconcile_rates_interval: timedelta = Field(
        default=timedelta(days=1), ge=SHORTEST_INTERVAL, description="How often rates are compared, likewise."
    )
    reconcile_whole_calendar_interval: timedelta = Field(
        default=timedelta(days=1),
        ge=SHORTEST_INTERVAL,
        description="How often everybody in house and everything to the end of `calendar_nights` is compared, besides "
        "the usual windows, likewise.",
    )
    allow_negative_availability: bool = Field(
        default=False, description="Push a negative number of units for an overbooked night instead of 0."
    )

    alert_interval: timedelta = Field(
        default=timedelta(seconds=30), description="How often the watch looks at everything."
    )
    alert_dead_letters: int = Field(default=100, ge=0, description="Alert above this many dead letters.")
    alert_success_rate: float = Field(
        default=95, ge=0, le=100, description="Alert when less than this percentage of the last hour's events succeed."
    )
    alert_success_rate_events: int = Field(
        default=20, ge=1, description="The percentage is looked at when at least so many events ended in that hour."
    )
    alert_unavailable_after: timedelta = Field(
        default=timedelta(minutes=5), description="Alert when the channel does not answer for longer."
    )
    alert_failed_events: int = Field(default=10, ge=0, description="Alert above this many failed events in an hour.")
    alert_queue_depth: int = Field(default=1000, ge=0, description="Alert above this many messages in a queue.")
    alert_credits: int = Field(default=10, ge=0, description="Alert when an account has fewer credits left.")
    alert_outage_after: timedelta = Field(
        default=timedelta(minutes=1),
        description="Alert when broker, database, a worker or beat is away for longer.",
    )
    alert_event_waiting: timedelta = Field(
        default=timedelta(minutes=5),
        description="Alert when an event of a property is open, or a captured write has become no event, for longer.",
    )
    alert_event_held_up: timedelta = Field(
        default=timedelta(minutes=30),
        description="The same where the channel, its credits, a pause or another event holds it up.",
    )
    alert_paused: timedelta = Field(
        default=timedelta(hours=1), description="Alert when a property is paused for longer."
    )
    alert_not_live: timedelta = Field(
        default=timedelta(hours=1),
        description="Alert when the parity report of a property or a mapping is not accepted for longer.",
    )
    alert_run_stuck: timedelta = Field(
        default=timedelta(minutes=15),
        description="Alert when a comparison or a first synchronisation makes no progress for longer.",
    )
    alert_rejected_webhooks: int = Field(
        default=3, gt=0, description="Alert when so many webhooks of a property were refused within an hour."
    )
    alert_unknown_webhooks: int = Field(
        default=100, gt=0, description="The same for webhooks that name no connected property."
    )
    alert_rotation_unfinished: timedelta = Field(
        default=timedelta(days=1),
        description="Alert when no webhook has brought a new secret for longer.",
    )
    alert_throttle: timedelta = Field(
        default=timedelta(minutes=15),
        description="An alert that comes back within this time after its end is not told again.",
    )
    alert_channels: tuple[Literal["log", "email", "webhook"], ...] = Field(
        default=("log",), description="Ways that tell alerts: `log`, `email`, `webhook`."
    )
    alert_email_to: tuple[str, ...] = Field(default=(), description="Who gets alerts by email.")
    alert_webhook_url: str = Field(default="", description="Where alerts are posted to as JSON.")
    alert_webhook_secret: str = Field(
        default="", repr=False, description="Signs posted alerts as webhooks of mode `hmac` are signed."
    )

    heartbeat_interval: timedelta = Field(
        default=timedelta(seconds=10), description="How often a worker, beat and the watch say that they are alive."
    )
    heartbeat_missed_after: timedelta = Field(
        default=timedelta(seconds=45), description="A process that was silent for longer is taken for dead."
    )
    health_timeout: float = Field(
        default=1.5, gt=0, description="Seconds that the health check gives each of the things that it asks."
    )
    metrics_token: str = Field(
        default="", repr=False, description="Bearer token of `/metrics`; without one the endpoint answers 403."
    )

    subscription_interval: timedelta = Field(
        default=timedelta(seconds=3),
        ge=SHORTEST_INTERVAL,
        description="How often beat looks for notifications that webhook subscriptions have not been sent.",
    )
    subscription_timeout: float = Field(
        default=5.0,
        gt=0,
        le=30,
        description="Seconds to connect to a subscription's receiver, and as many until its answer.",
    )
    subscription_retry_delays: tuple[timedelta, ...] = Field(
        default=(
            timedelta(seconds=5),
            timedelta(seconds=30),
            timedelta(minutes=2),
            timedelta(minutes=10),
            timedelta(minutes=30),
            timedelta(hours=2),
            timedelta(hours=6),
        ),
        min_length=1,
        description="Wait after the first, second, ... delivery that a receiver did not take; the last one repeats.",
    )
    subscription_give_up_after: timedelta = Field(
        default=timedelta(days=3), description="A subscription whose receiver takes nothing for longer is switched off."
    )
    subscription_secret_overlap: timedelta = Field(
        default=timedelta(days=1), description="How long deliveries are signed with the secret before, too."
    )
    subscription_allow_http: bool = Field(
        default=False, description="Let subscriptions have addresses without TLS, such as for development."
    )
    subscription_allow_private: bool = Field(
        default=False,
        description="Let subscriptions have addresses of this machine and of private networks: whoever may make a "
        "subscription can have requests sent to what is reachable there.",
    )

    redact_after: timedelta = Field(
        default=timedelta(days=90), description="Personal data is taken out of the payloads of settled events then."
    )
    redact_failed_after: timedelta = Field(
        default=timedelta(days=180),
        description="The same of failed events, once the nights of their booking are over; they stay failed.",
    )
    retain_events: timedelta = Field(
        default=timedelta(days=400), description="Settled events are deleted then; failed ones stay."
    )
    retain_api_calls: timedelta = Field(default=timedelta(days=30), description="Notes of API calls are deleted then.")
    retain_notifications: timedelta = Field(
        default=timedelta(days=30),
        description="Notifications, and notes of webhook deliveries, are deleted then, delivered or not.",
    )
    retain_rejected_webhooks: timedelta = Field(
        default=timedelta(days=30), description="Counts of refused webhooks are deleted then."
    )
    retention_interval: timedelta = Field(
        default=timedelta(days=1), ge=SHORTEST_INTERVAL, description="How often beat starts redaction and retention."
    )


@lru_cache(maxsize=1)
def channel_sync_settings() -> ChannelSyncSettings:
    """The checked settings. Raises `ConfigurationError` that names the wrong key."""
    try:
        return ChannelSyncSettings.model_validate(getattr(settings, "CHANNEL_SYNC", {}))
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise ConfigurationError(f"settings.CHANNEL_SYNC['{key}']: {first['msg']}. See docs/settings.md.") from error


def _forget_settings(*, setting: str, **_: object) -> None:
    if setting == "CHANNEL_SYNC":
        channel_sync_settings.cache_clear()


setting_changed.connect(_forget_settings, dispatch_uid="channel_sync.conf")
