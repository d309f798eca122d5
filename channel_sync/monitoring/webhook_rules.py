"""Webhooks that are refused, and new webhook secrets that no webhook has brought."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from django.db.models import Max, Min, Sum
from django.db.models.functions import Now
from django.utils import timezone

from channel_sync.conf import channel_sync_settings
from channel_sync.models import AlertKind, ChannelConnection, ChannelProperty, RejectedWebhooks
from channel_sync.monitoring.finding import AT_MOST, Finding

# Counts are kept by the hour: what is recent is in the last two of them.
RECENT = timedelta(hours=1)
NO_PROPERTY = "no connected property"


def webhook_findings() -> Iterator[Finding]:
    """By property where it is known, and together what names none of ours."""
    yield from _refused_by_property()
    yield from _refused_of_nobody()
    yield from _unfinished_rotations()


def _refused_by_property() -> Iterator[Finding]:
    recent = (
        RejectedWebhooks.objects.filter(last_at__gt=Now() - RECENT, channel_property__connection__isnull=False)
        .values("channel_property")
        .annotate(number=Sum("count"), since=Min("hour"), last=Max("last_at"))
        .filter(number__gte=channel_sync_settings().alert_rejected_webhooks)
        .order_by("channel_property")[:AT_MOST]
    )
    found = {row["channel_property"]: row for row in recent}
    for one in ChannelProperty.objects.filter(id__in=found).order_by("id"):
        row = found[one.id]
        yield Finding(
            AlertKind.WEBHOOKS_REJECTED,
            f"{row['number']} webhooks of {one} were refused since {_time(row['since'])}: their secret or signature "
            f"was missing, wrong or too old. {_last_taken(one, row['last'])} 'manage.py channel_sync_webhook {one.id}' "
            "says how the webhook is set at the channel, and '--set' sets it; so does its page in the admin. What was "
            "refused comes in with the next comparison of bookings. If the webhook is set right, somebody else sends "
            "them: nothing of them was stored.",
            subject=str(one.id),
            channel_property=one,
        )


def _last_taken(one: ChannelProperty, refused_at: datetime) -> str:
    if one.last_webhook_at is None:
        return "None was ever taken."
    if one.last_webhook_at < refused_at:
        return f"The last one was taken at {_time(one.last_webhook_at)}."
    return "Others are taken meanwhile: the present secret works."


def _refused_of_nobody() -> Iterator[Finding]:
    recent = (
        RejectedWebhooks.objects.filter(last_at__gt=Now() - RECENT, subject="")
        .values("channel_name")
        .annotate(number=Sum("count"), since=Min("hour"))
        .filter(number__gte=channel_sync_settings().alert_unknown_webhooks)
        .order_by("channel_name")[:AT_MOST]
    )
    for row in recent:
        yield Finding(
            AlertKind.WEBHOOKS_REJECTED,
            f"{row['number']} webhooks of {row['channel_name']} were refused since {_time(row['since'])}: they name "
            f"{NO_PROPERTY}. A property that was moved or removed here may still have its webhook at the channel: take "
            "it away there. Else somebody else sends them: nothing of them was stored, and a limit in front of this "
            "server keeps them out.",
            subject=f"{row['channel_name']}: {NO_PROPERTY}",
        )


def _unfinished_rotations() -> Iterator[Finding]:
    settings = channel_sync_settings()
    old = ChannelConnection.objects.filter(
        webhook_secret_previous__isnull=False,
        webhook_secret_rotated_at__lt=Now() - settings.alert_rotation_unfinished,
    )
    for connection in old.select_related("channel_property").order_by("channel_property_id")[:AT_MOST]:
        begun = connection.webhook_secret_rotated_at
        if begun is None:
            continue
        one = connection.channel_property
        yield Finding(
            AlertKind.ROTATION_UNFINISHED,
            f"No webhook has brought the new secret of {one}, made on {begun:%Y-%m-%d}: it may not be entered at the "
            f"channel. 'manage.py channel_sync_webhook {one.id} --set' sets it, and so does its page in the admin. The "
            f"old one is taken until {begun + settings.webhook_old_secret_for:%Y-%m-%d %H:%M %Z}; then webhooks that "
            "carry it are refused.",
            subject=str(one.id),
            channel_property=one,
        )


def _time(moment: datetime) -> str:
    return f"{timezone.localtime(moment):%Y-%m-%d %H:%M %Z}"
