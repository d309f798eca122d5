"""Properties and mappings of which nothing is sent for longer than it takes to accept a parity report."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from django.db.models import Exists, F, Min, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce

from channel_sync.conf import channel_sync_settings
from channel_sync.models import AlertKind, ChannelMapping, ChannelProperty, ChannelPropertyStatus, ParityCheck
from channel_sync.models.parity import UNSETTLED
from channel_sync.monitoring.finding import AT_MOST, Finding

HELD = ChannelMapping.objects.filter(channel_property=OuterRef("pk"), is_active=True, held_since__isnull=False)


def opening_findings(*, now: datetime) -> Iterator[Finding]:
    """One finding for each property of which something is held for longer than `alert_not_live`."""
    since_mapping = HELD.order_by().values("channel_property").annotate(since=Min("held_since")).values("since")
    held = (
        ChannelProperty.objects.filter(status=ChannelPropertyStatus.ACTIVE)
        .filter(Q(held_since__isnull=False) | Exists(HELD))
        .annotate(since=Coalesce(F("held_since"), Subquery(since_mapping)))
    )
    old = held.filter(since__lte=now - channel_sync_settings().alert_not_live)
    for channel_property in old.order_by("since", "id")[:AT_MOST]:
        check = ParityCheck.objects.filter(channel_property=channel_property, status__in=UNSETTLED).first()
        what = "Nothing is sent of it" if channel_property.held_since else "A new or changed mapping of it is not sent"
        failed = f" The comparison fails: {check.last_error}" if check is not None and check.last_error else ""
        yield Finding(
            AlertKind.NOT_LIVE,
            f"{channel_property} waits since {channel_property.since:%Y-%m-%d %H:%M %Z} for somebody to accept what "
            f"its parity check says. {what}: watch for overbookings.{failed} See 'Compare before going live' on its "
            f"page in the admin, or run 'manage.py channel_sync_parity {channel_property.id}'.",
            subject=str(channel_property.id),
            channel_property=channel_property,
        )
