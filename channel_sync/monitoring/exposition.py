"""The metrics in the format of Prometheus: what processes counted, and what the tables and the broker say now."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import timedelta

from django.db.models import Count
from prometheus_client import REGISTRY, CollectorRegistry
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from channel_sync.models import Alert
from channel_sync.monitoring.figures import Figures, figures

PERIOD = timedelta(hours=1)
QUANTILES = ("0.5", "0.95", "0.99")


class FiguresCollector(Collector):
    """Gauges over the last hour and over now, read when Prometheus asks."""

    def collect(self) -> Iterator[Metric]:
        """One reading of everything."""
        found = figures(PERIOD)
        yield _queues(found)
        yield from _events(found)
        yield from _api(found)
        yield _lag(found)
        alerts = GaugeMetricFamily("channel_sync_open_alerts", "Alerts that are open.", labels=["kind"])
        open_now = Alert.objects.filter(resolved_at=None).order_by("kind")
        for kind, count in open_now.values_list("kind").annotate(Count("id")):
            alerts.add_metric([kind], count)
        yield alerts


class OwnProcess(Collector):
    """What this process alone has counted, where no directory is shared."""

    def collect(self) -> Iterator[Metric]:
        """The default registry."""
        return iter(REGISTRY.collect())


def exposition(accept: str) -> tuple[bytes, str]:
    """The body and its content type, in the format that the `Accept` header prefers."""
    registry = CollectorRegistry()
    registry.register(FiguresCollector())
    encode, content_type = choose_encoder(accept)
    if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    else:
        registry.register(OwnProcess())
    return encode(registry), content_type


def _queues(found: Figures) -> Metric:
    depths = GaugeMetricFamily("channel_sync_queue_depth", "Messages that are ready in a queue.", labels=["queue"])
    queues = found.queues
    for name, depth in (
        ("inbound", queues.inbound), ("outbound", queues.outbound),
        ("inbound_dlq", queues.inbound_dead_letters), ("outbound_dlq", queues.outbound_dead_letters),
    ):  # fmt: skip
        if depth is not None:
            depths.add_metric([name], depth)
    return depths


def _events(found: Figures) -> Iterator[Metric]:
    yield GaugeMetricFamily("channel_sync_failed_events", "Events that failed and are open.", found.failed_events)
    yield GaugeMetricFamily(
        "channel_sync_failed_events_last_hour",
        "Events that were received within the hour and failed.",
        sum(hour.failed for hour in found.hours),
    )
    yield GaugeMetricFamily("channel_sync_open_overbookings", "Bookings without a free room.", found.overbookings)
    if found.success_rate is not None:
        yield GaugeMetricFamily(
            "channel_sync_success_ratio",
            "Share of the last hour's ended events that succeeded.",
            found.success_rate / 100,
        )
    seconds = GaugeMetricFamily(
        "channel_sync_sync_seconds",
        "Seconds from the receipt of an event to its effect, over the last hour.",
        labels=["direction", "event_type", "quantile"],
    )
    for one in found.latencies:
        for quantile, value in zip(QUANTILES, (one.p50, one.p95, one.p99), strict=True):
            seconds.add_metric([one.direction, one.event_type, quantile], value)
    yield seconds
    conflicts = GaugeMetricFamily("channel_sync_open_conflicts", "Conflicts that are open.", labels=["severity"])
    for severity, count in found.conflicts.items():
        conflicts.add_metric([severity], count)
    yield conflicts


def _api(found: Figures) -> Iterator[Metric]:
    seconds = GaugeMetricFamily(
        "channel_sync_api_seconds",
        "Seconds until a channel answered, over the last hour.",
        labels=["channel", "method", "path", "quantile"],
    )
    limited = GaugeMetricFamily(
        "channel_sync_api_rate_limited", "Calls refused for want of credits in the last hour.", labels=["channel"]
    )
    refused: dict[str, int] = {}
    for one in found.api_calls:
        for quantile, value in zip(QUANTILES, (one.p50, one.p95, one.p99), strict=True):
            seconds.add_metric([one.channel, one.method, one.path, quantile], value)
        refused[one.channel] = refused.get(one.channel, 0) + one.rate_limited
    for channel, count in refused.items():
        limited.add_metric([channel], count)
    credits = GaugeMetricFamily("channel_sync_credits_remaining", "Credits left in the window.", labels=["account"])
    for account in found.credits:
        if account.remaining is not None:
            credits.add_metric([account.account], account.remaining)
    unavailable = GaugeMetricFamily(
        "channel_sync_channel_unavailable_seconds",
        "Since when an account's channel does not answer.",
        labels=["account"],
    )
    for account in found.credits:
        unavailable.add_metric([account.account], account.unavailable_seconds)
    yield from (seconds, limited, credits, unavailable)


def _lag(found: Figures) -> Metric:
    lag = GaugeMetricFamily(
        "channel_sync_lag_seconds",
        "Age of the oldest event of a property that is not settled.",
        labels=["channel_property", "direction"],
    )
    for one in found.lags:
        lag.add_metric([str(one.channel_property_id), one.direction], one.seconds)
    return lag
