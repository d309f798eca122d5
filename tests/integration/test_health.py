"""`/health/channel-sync`, liveness, readiness and `/metrics`."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.conf import LazySettings
from django.db import connections
from django.test import Client
from django.utils import timezone

from channel_sync.broker.topology import topology
from channel_sync.heartbeats import BEAT, note_alive
from channel_sync.models import ChannelEvent, EventStatus, Heartbeat, ProcessKind
from pms_project.local_services.ports import free_port
from tests.conftest import ConnectedHotel, RunningSimulator
from tests.factories import EventFactory

pytestmark = pytest.mark.django_db

# The health check asks over a connection of its own: what a test writes for it has to be committed.
committed = pytest.mark.django_db(transaction=True)

ADDRESS = "/health/channel-sync"


@pytest.fixture
def everything_alive(request: pytest.FixtureRequest) -> None:
    request.getfixturevalue("transactional_db")
    queues = [queue.name for queue in topology().worked_queues()]
    Heartbeat.objects.create(name="worker@here", kind=ProcessKind.WORKER, queues=queues)
    Heartbeat.objects.create(name=BEAT, kind=ProcessKind.BEAT)


@committed
def test_the_plans_shape(
    client: Client, beds24: RunningSimulator, topology_at_broker: None, everything_alive: None
) -> None:
    answer = client.get(ADDRESS)

    told: dict[str, Any] = answer.json()
    assert answer.status_code == 200, told
    assert told["rabbitmq"] == {"connected": True}
    assert told["database"] == {"connected": True}
    assert told["beds24_api"] == {"reachable": True}
    assert set(told["queues"]) == {"inbound", "outbound", "dlq"}
    for queue in told["queues"].values():
        assert set(queue) == {"depth", "status"}
        assert queue["status"] in ("ok", "warning")
    assert told["workers"] == {"missing": []}
    assert told["beat"] == {"alive": True}
    assert told["status"] in ("healthy", "degraded")
    assert beds24.simulator.state.calls == [], "it costs no credits"


@committed
def test_a_missing_worker_degrades(client: Client, beds24: RunningSimulator, everything_alive: None) -> None:
    Heartbeat.objects.filter(kind=ProcessKind.WORKER).update(queues=[topology().inbound.name])

    answer = client.get(ADDRESS)

    assert answer.json()["status"] == "degraded"
    assert topology().outbound.name in answer.json()["workers"]["missing"]
    assert answer.status_code == 200


@committed
def test_a_silent_process_is_missed(client: Client, beds24: RunningSimulator, everything_alive: None) -> None:
    Heartbeat.objects.update(seen_at=timezone.now() - timedelta(minutes=2))

    told = client.get(ADDRESS).json()

    assert told["beat"] == {"alive": False}
    assert len(told["workers"]["missing"]) == len(topology().worked_queues())


def test_a_channel_that_is_away(client: Client, settings: LazySettings) -> None:
    options = {"beds24": {"base_url": f"http://127.0.0.1:{free_port()}/v2"}}
    settings.CHANNEL_SYNC = {**settings.CHANNEL_SYNC, "channel_options": options}

    answer = client.get(ADDRESS)

    assert (answer.status_code, answer.json()["status"]) == (503, "unhealthy")
    assert answer.json()["beds24_api"] == {"reachable": False}
    assert answer.json()["database"] == {"connected": True}


@pytest.mark.parametrize("host", ["127.0.0.1", "10.255.255.1"])
def test_a_database_that_is_away(
    client: Client, beds24: RunningSimulator, monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    """Refused at once, or never answered: both within the time limit, and the process itself is alive."""
    away = {**connections["default"].settings_dict, "HOST": host, "PORT": str(free_port())}
    connections["default"].close()
    monkeypatch.setitem(connections.settings, "default", away)
    begun = time.monotonic()

    answer = client.get(ADDRESS)

    assert time.monotonic() - begun < 2
    assert answer.status_code == 503
    assert answer.json()["database"] == {"connected": False}
    assert answer.json()["workers"] == {"missing": None}
    assert client.get("/health/ready").status_code == 503
    assert client.get("/health/live").status_code == 200


def test_readiness_needs_the_database_alone(client: Client) -> None:
    assert client.get("/health/ready").json() == {"status": "ready"}
    assert client.post("/health/ready").status_code == 405


def test_heartbeats_cost_one_write_per_interval() -> None:
    name = f"worker-{uuid4()}"
    note_alive(name, ProcessKind.WORKER, ["a"])
    first = Heartbeat.objects.get(name=name)

    note_alive(name, ProcessKind.WORKER, ["a"])

    assert Heartbeat.objects.get(name=name).seen_at == first.seen_at


def test_metrics_are_for_who_has_the_token(client: Client, settings: LazySettings) -> None:
    assert client.get("/metrics").status_code == 403
    settings.CHANNEL_SYNC = {**settings.CHANNEL_SYNC, "metrics_token": "scrape"}
    assert client.get("/metrics").status_code == 403
    assert client.get("/metrics", headers={"Authorization": "Bearer other"}).status_code == 403
    assert client.get("/metrics", headers={"Authorization": "Bearer scrape"}).status_code == 200


def test_what_the_metrics_tell(
    client: Client, settings: LazySettings, connected: ConnectedHotel, topology_at_broker: None
) -> None:
    settings.CHANNEL_SYNC = {**settings.CHANNEL_SYNC, "metrics_token": "scrape"}
    EventFactory(channel_property=connected.channel_property, status=EventStatus.FAILED)
    EventFactory(channel_property=connected.channel_property)
    done = EventFactory(channel_property=connected.channel_property, status=EventStatus.DONE)
    ChannelEvent.objects.filter(id=done.id).update(processed_at=done.received_at)
    client.post("/webhooks/beds24/", b"{", content_type="application/json")

    text = client.get("/metrics", headers={"Authorization": "Bearer scrape"}).content.decode()

    for line in (
        'channel_sync_queue_depth{queue="inbound"} ',
        "channel_sync_failed_events 1.0",
        "channel_sync_success_ratio 0.5",
        'channel_sync_sync_seconds{direction="inbound",event_type="booking.created",quantile="0.95"} 0.0',
        f'channel_sync_lag_seconds{{channel_property="{connected.channel_property.id}",direction="inbound"}} ',
        'channel_sync_api_seconds{channel="beds24",method="GET",path="/properties",quantile="0.5"} ',
        'channel_sync_credits_remaining{account="beds24 account ',
        'channel_sync_webhooks_total{channel="beds24",outcome="malformed"} ',
        'channel_sync_api_call_seconds_bucket{channel="beds24",le="0.01",method="GET",path="/properties",status="200"}',
    ):
        assert line in text
