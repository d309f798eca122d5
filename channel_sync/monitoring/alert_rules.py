"""What is wrong now, by rules of which each reads an index and a bounded number of rows."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from django.db.models import Exists, OuterRef, Q
from django.db.models.functions import Now

from channel_sync.conf import channel_sync_settings
from channel_sync.models import (
    AlertKind,
    ChannelAccount,
    ChannelConnection,
    ChannelProperty,
    ChannelPropertyStatus,
    ReconciliationRun,
    RunStatus,
    SwitchedOff,
    WebhookSubscription,
)
from channel_sync.monitoring.begun_stay_rules import begun_stay_findings
from channel_sync.monitoring.capture_rules import capture_findings
from channel_sync.monitoring.event_rules import event_findings
from channel_sync.monitoring.finding import AT_MOST, Finding
from channel_sync.monitoring.health import Health
from channel_sync.monitoring.hold_rules import hold_findings
from channel_sync.monitoring.opening_rules import opening_findings
from channel_sync.monitoring.pause_rules import closing_findings, pause_findings
from channel_sync.monitoring.room_rules import room_findings
from channel_sync.monitoring.secret_rules import secret_findings
from channel_sync.monitoring.webhook_rules import webhook_findings
from channel_sync.reconciliation.runs import EVERYBODY, WHOLE


def findings(health: Health, *, now: datetime) -> Iterator[Finding]:
    """Everything that is wrong now; at most one finding per kind and subject. Needs the database."""
    yield from _outages(health)
    yield from _clocks(health)
    yield from _channels(health)
    yield from _queues(health)
    yield from event_findings(now=now)
    yield from hold_findings(now=now)
    yield from capture_findings()
    yield from _runs()
    yield from _failed_runs()
    yield from _first_syncs()
    yield from _accounts(now)
    yield from _properties()
    yield from pause_findings(now=now)
    yield from closing_findings()
    yield from opening_findings(now=now)
    yield from room_findings()
    yield from begun_stay_findings()
    yield from secret_findings(health)
    yield from webhook_findings()
    yield from _subscriptions()


def _subscriptions() -> Iterator[Finding]:
    """Those that a person has switched off are no news."""
    off = WebhookSubscription.objects.filter(is_active=False).exclude(switched_off__in=["", SwitchedOff.BY_HAND])
    for subscription in off.select_related("channel_property").order_by("id")[:AT_MOST]:
        yield Finding(
            AlertKind.SUBSCRIPTION_OFF,
            f"A webhook subscription is switched off: {SwitchedOff(subscription.switched_off).label} Correct its "
            "receiver, then switch it on under 'Webhook subscriptions' in the admin, and it goes on where it stopped; "
            "or delete it.",
            subject=str(subscription.id),
            channel_property=subscription.channel_property,
        )


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
    for queue in health.depths.missing:
        yield Finding(
            AlertKind.QUEUE_MISSING,
            f"The broker has no queue {queue}: what is meant for it waits in the log. "
            "Run 'manage.py channel_sync_topology'; the rest goes by itself.",
            subject=queue,
            lasts=lasts,
        )
    for queue in health.missing_workers:
        yield Finding(AlertKind.WORKER_MISSING, f"No worker consumes {queue}. Start one.", subject=queue, lasts=lasts)
    if health.life is not None and not health.life.is_beat_alive:
        yield Finding(
            AlertKind.BEAT_MISSING,
            "Celery beat has not run recently: retries and comparisons wait. Start beat, and a worker of its queue.",
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
            f"{dead} events are dead letters. Look at the failed events in the admin; fix the cause, then retry them.",
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


def _failed_runs() -> Iterator[Finding]:
    """The last comparison of a property and kind that failed, until one succeeds; those of the whole calendar apart."""
    whole = Q(cursor__has_key=WHOLE)
    # A first synchronisation that fails has an alert of its own.
    usual = ~whole & ~Q(cursor__has_key=EVERYBODY)
    yield from _failed_of(usual, succeeded=~whole, what="")
    yield from _failed_of(whole, succeeded=whole, what="the whole calendar's ")


def _failed_of(which: Q, *, succeeded: Q, what: str) -> Iterator[Finding]:
    later = ReconciliationRun.objects.filter(
        succeeded,
        channel_property=OuterRef("channel_property"),
        kind=OuterRef("kind"),
        created_at__gt=OuterRef("created_at"),
        status=RunStatus.DONE,
        dry_run=False,
    )
    failed = ReconciliationRun.objects.filter(
        which, status=RunStatus.FAILED, dry_run=False, channel_property__status=ChannelPropertyStatus.ACTIVE
    ).exclude(Exists(later))
    last = failed.order_by("channel_property_id", "kind", "-created_at").distinct("channel_property_id", "kind")
    for run in last.select_related("channel_property")[:AT_MOST]:
        option = " --whole-calendar" if what else ""
        yield Finding(
            AlertKind.RUN_FAILED,
            f"The comparison of {what}{run.kind} of {run.channel_property} failed at {run.updated_at:%H:%M:%S %Z}: "
            f"{run.last_error or 'no reason was kept'}. What differs stays unseen until one succeeds. Correct the "
            f"cause, then run 'manage.py channel_sync_reconcile {run.channel_property_id} {run.kind}{option}', or wait "
            "for the next.",
            subject=f"{run.channel_property_id}:{run.kind}{':whole' if what else ''}",
            channel_property=run.channel_property,
        )


def _first_syncs() -> Iterator[Finding]:
    """First synchronisations that are wanted and have failed."""
    failed = ChannelConnection.objects.filter(
        first_sync_failures__gt=0,
        first_sync_due_at__isnull=False,
        channel_property__status=ChannelPropertyStatus.ACTIVE,
    )
    for connection in failed.select_related("channel_property").order_by("channel_property_id")[:AT_MOST]:
        yield Finding(
            AlertKind.FIRST_SYNC_FAILED,
            f"The first synchronisation of {connection.channel_property} has failed: {connection.first_sync_error}. "
            "Until it is made not every booking is in the PMS, and the calendar is not sent. Correct the cause: it is "
            "tried again by itself within the hour, or start it again.",
            subject=str(connection.channel_property_id),
            channel_property=connection.channel_property,
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
            f"The channel refuses the login of {channel_property}; nothing is sent, and its events wait. Its refresh "
            "token was used elsewhere or revoked, or has expired: Beds24's do when they are not used for 30 days. "
            "'Resume' on its page in the admin tries it once more; else make a new invite code at the channel, and "
            "enter it under 'Connect a property' in the admin, or run 'manage.py channel_sync_connect "
            f"{channel_property.property_id}'.",
            subject=str(channel_property.id),
            channel_property=channel_property,
        )
