"""A property was paused and forgotten: nobody saw it, and nothing said since when or by whom."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from channel_sync.models import AlertKind, ChannelMapping, ChannelProperty
from channel_sync.monitoring.alert_rules import findings
from channel_sync.monitoring.finding import Finding
from channel_sync.monitoring.health import HealthStatus, Life
from channel_sync.monitoring.views import as_dict
from channel_sync.operations.pausing import pause_with_rooms_closed
from channel_sync.operations.properties import pause, resume
from channel_sync.operations.roles import Role
from tests.conftest import ConnectedHotel
from tests.dangers.working import work_everything
from tests.factories import ReservationFactory
from tests.integration.test_alerts import health

pytestmark = pytest.mark.django_db


@pytest.fixture
def paused(connected: ConnectedHotel) -> ConnectedHotel:
    pause(connected.channel_property, by="ada.lovelace")
    return connected


@pytest.fixture
def root(db: None) -> Client:
    client = Client()
    client.force_login(get_user_model().objects.create_superuser("root"))
    return client


def pages(hotel: ConnectedHotel) -> dict[str, str]:
    mapping = ChannelMapping.objects.get(internal_id=hotel.double.id)
    return {
        "dashboard": reverse("admin:channel_sync_dashboard"),
        "properties": reverse("admin:channel_sync_channelproperty_changelist"),
        "property": reverse("admin:channel_sync_channelproperty_change", args=[hotel.channel_property.id]),
        "bookings": reverse("admin:channel_sync_reservationlink_changelist"),
        "mappings": reverse("admin:channel_sync_channelmapping_changelist"),
        "mapping": reverse("admin:channel_sync_channelmapping_change", args=[mapping.id]),
        "reservations": reverse("admin:pms_reservation_changelist"),
    }


@pytest.mark.parametrize(
    "name", ["dashboard", "properties", "property", "bookings", "mappings", "mapping", "reservations"]
)
def test_each_page_says_so_in_red(paused: ConnectedHotel, root: Client, name: str) -> None:
    page = root.get(pages(paused)[name]).content.decode()

    assert 'class="cs-paused" role="alert"' in page
    assert f"Paused since {timezone.localdate()}" in page
    assert "by ada.lovelace" in page
    resume(paused.channel_property, by="ada.lovelace")
    assert "cs-paused" not in root.get(pages(paused)[name]).content.decode()


def test_a_booking_says_so(connected: ConnectedHotel, root: Client) -> None:
    made = ReservationFactory(room_type=connected.double, status="PENDING_SYNC")
    work_everything()
    pause(connected.channel_property, by="ada.lovelace")
    (link,) = made.channel_links.all()

    page = root.get(reverse("admin:channel_sync_reservationlink_change", args=[link.id])).content.decode()

    assert "by ada.lovelace" in page


def test_status_and_health_say_so(
    paused: ConnectedHotel, api_of: Callable[[Role | None], Any], topology_at_broker: None
) -> None:
    with pytest.raises(CommandError):
        call_command("channel_sync_status", stdout=(words := StringIO()))
    with pytest.raises(CommandError):
        call_command("channel_sync_status", "--json", stdout=(printed := StringIO()))
    (state,) = json.loads(printed.getvalue())
    answer = api_of(Role.VIEWER).get(f"/api/admin/channel-status/{paused.hotel.id}").json()
    row = api_of(Role.VIEWER).get("/api/admin/properties").json()["properties"][0]

    assert "Paused since" in words.getvalue()
    assert "by ada.lovelace" in words.getvalue()
    assert (state["pause"]["by"], answer["pause"]["by"], row["paused_by"]) == ("ada.lovelace",) * 3
    assert answer["pause"]["since"] == row["paused_at"]
    assert answer["pause"]["rooms_closed"] is False


def test_health_counts_and_names_nobody() -> None:
    now = timezone.now()
    alive = health().life
    assert isinstance(alive, Life)
    found = health(life=Life(alive.workers, is_beat_alive=True, paused=2, paused_since=now))

    assert found.status is HealthStatus.DEGRADED
    assert as_dict(found)["paused"] == {"properties": 2, "since": now.isoformat()}
    assert as_dict(health())["paused"] == {"properties": 0, "since": None}


def alerts() -> list[Finding]:
    return [one for one in findings(health(), now=timezone.now()) if one.kind is AlertKind.PAUSED]


def begun(ago: timedelta) -> None:
    ChannelProperty.objects.update(paused_at=timezone.now() - ago)


def test_after_an_hour_it_is_an_alert_until_it_is_resumed(paused: ConnectedHotel) -> None:
    begun(timedelta(minutes=58))
    assert alerts() == []
    begun(timedelta(minutes=61))

    (alert,) = alerts()
    assert "goes on selling" in alert.message
    assert "channel_sync_resume" in alert.message
    assert "lovelace" not in alert.message
    resume(paused.channel_property, by="ada")
    assert alerts() == []


def test_the_alert_says_that_rooms_are_closed(connected: ConnectedHotel) -> None:
    pause_with_rooms_closed(connected.channel_property, by="ada")
    begun(timedelta(hours=2))

    (alert,) = alerts()
    assert "were closed at the channel" in alert.message


def test_nobody_is_named_in_a_log(connected: ConnectedHotel, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    pause_with_rooms_closed(connected.channel_property, by="ada.lovelace")
    resume(connected.channel_property, by="ada.lovelace")

    assert "lovelace" not in caplog.text.replace("INSERT", "")
