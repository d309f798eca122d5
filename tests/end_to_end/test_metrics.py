"""One process tells Prometheus what all of them have counted: web, workers and their children."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
import requests
from prometheus_client.parser import text_string_to_metric_families

from channel_sync.models import ChannelEvent, EventStatus
from tests.end_to_end.installation import METRICS_TOKEN, Installation

pytestmark = [pytest.mark.processes, pytest.mark.timeout(180)]


def counted(site: Installation, name: str, **labels: str) -> float:
    """The sum of a metric over the samples that have the labels."""
    with requests.Session() as session:
        session.trust_env = False
        headers = {"Authorization": f"Bearer {METRICS_TOKEN}", "Accept": "text/plain"}
        text = session.get(f"{site.web}/metrics", headers=headers, timeout=20).text
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    return sum(one.value for one in samples if one.name == name and labels.items() <= one.labels.items())


def test_every_process_is_counted(site: Installation) -> None:
    arrival = date.today() + timedelta(weeks=90)
    stay = {"arrival": str(arrival), "departure": str(arrival + timedelta(days=1))}
    webhooks = counted(site, "channel_sync_webhooks_total", outcome="accepted")
    worked = counted(site, "channel_sync_events_processed_total", direction="inbound", status="done")
    written = counted(site, "channel_sync_api_call_seconds_count", method="POST", path="/bookings")

    bookings = [site.beds24.book(roomId=int(site.rooms["Double Room"]), **stay)["id"] for _ in range(6)]
    site.settle()
    made = site.pms.reserve(
        room_type=site.room_types["Double Room"],
        check_in=stay["arrival"],
        check_out=stay["departure"],
        guest={"last_name": "Hopper"},
    )
    site.eventually(lambda: site.pms.reservation(made["id"])["status"] == "CONFIRMED", "it is sent")

    arrived = ChannelEvent.objects.filter(entity_external_id__in=[str(one) for one in bookings])
    assert arrived.filter(status=EventStatus.DONE).count() >= 6
    assert counted(site, "channel_sync_webhooks_total", outcome="accepted") >= webhooks + 6
    assert counted(site, "channel_sync_events_processed_total", direction="inbound", status="done") >= worked + 6
    assert counted(site, "channel_sync_api_call_seconds_count", method="POST", path="/bookings") >= written + 1
    assert counted(site, "channel_sync_queue_depth", queue="inbound") == 0
    assert counted(site, "channel_sync_event_seconds_count", direction="outbound") >= 1
