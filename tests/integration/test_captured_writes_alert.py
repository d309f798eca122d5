"""Captured writes that become no events are alarmed: those that wait for too long, and those that are left."""

from __future__ import annotations

import json
from datetime import timedelta
from decimal import Decimal
from io import StringIO
from pathlib import Path

import pytest
from django.conf import LazySettings
from django.core.management import call_command
from django.utils import timezone

from channel_sync.capture.rows import ATTEMPTS
from channel_sync.database_clock import database_now
from channel_sync.models import Alert, AlertKind, CapturedChange
from channel_sync.monitoring.alert_rules import findings
from channel_sync.monitoring.alerts import follow
from channel_sync.monitoring.finding import AT_ONCE, Finding
from channel_sync.outbound.changes import consume_captured
from pms_project.pms.models import Reservation, RoomType
from tests.factories import RoomTypeFactory
from tests.integration.test_alerts import health
from tests.integration.test_capture import broken_description, unsaved

RUNBOOK = Path(__file__).resolve().parents[2] / "docs" / "operations.md"

pytestmark = pytest.mark.django_db


def found() -> list[Finding]:
    return [one for one in findings(health(), now=timezone.now()) if one.kind is AlertKind.CAPTURED_WRITES]


def look() -> None:
    """What the watch does with what is found."""
    follow(found(), now=timezone.now())


def wait(*, minutes: float) -> None:
    CapturedChange.objects.update(captured_at=database_now() - timedelta(minutes=minutes))


@pytest.fixture
def room_type() -> RoomType:
    made: RoomType = RoomTypeFactory()
    consume_captured()
    return made


@pytest.fixture
def unlucky(room_type: RoomType) -> list[Reservation]:
    """Two reservations that the host cannot describe, written past the signals."""
    made = unsaved(room_type, 2)
    for one in made:
        one.price = Decimal(13)
    return Reservation.objects.bulk_create(made)


@pytest.mark.usefixtures("unlucky")
@pytest.mark.parametrize(("minutes", "expected"), [(4, 0), (6, 1)])
def test_what_nobody_takes_is_told_after_five_minutes(minutes: float, expected: int) -> None:
    wait(minutes=minutes)

    assert len(found()) == expected
    for one in found():
        assert (one.subject, one.lasts) == ("pms.Reservation:", AT_ONCE)
        assert "2 captured writes of pms.Reservation wait" in one.message
        assert "manage.py channel_sync_relay" in one.message


@pytest.mark.usefixtures("unlucky")
@pytest.mark.parametrize(("minutes", "expected"), [(4, 0), (6, 1)])
def test_what_is_tried_in_vain_is_told_after_five_minutes(minutes: float, expected: int) -> None:
    with broken_description():
        consume_captured()
    wait(minutes=minutes)

    assert [one.subject for one in found()] == ["pms.Reservation:LookupError"] * expected
    assert all("for about six hours" in one.message for one in found())


@pytest.mark.usefixtures("unlucky")
def test_what_is_left_is_told_at_once_without_a_name() -> None:
    CapturedChange.objects.update(attempts=ATTEMPTS - 1, next_attempt_at="2020-01-01T00:00Z")
    with broken_description():
        consume_captured()

    look()

    (alert,) = Alert.objects.all()
    assert (alert.kind, alert.subject) == ("captured_writes", "pms.Reservation:LookupError:left")
    assert f"2 captured writes of pms.Reservation became no events in {ATTEMPTS} attempts" in alert.message
    assert "manage.py channel_sync_capture retry" in alert.message
    assert "Hopper" not in alert.message
    assert (alert.resolved_at, alert.fired_to) == (None, ["log"])


def open_alerts() -> set[str]:
    look()
    return set(Alert.objects.filter(resolved_at=None).values_list("subject", flat=True))


@pytest.mark.usefixtures("unlucky")
def test_what_is_left_is_news_while_it_is_alerted_that_it_waits() -> None:
    """It waits for hours before it is left: a changed text of an alert that was sent reaches nobody."""
    waiting, left = "pms.Reservation:LookupError", "pms.Reservation:LookupError:left"
    with broken_description():
        consume_captured()
    wait(minutes=400)
    assert open_alerts() == {waiting}

    CapturedChange.objects.update(attempts=ATTEMPTS - 1, next_attempt_at="2020-01-01T00:00Z")
    with broken_description():
        consume_captured()

    assert open_alerts() == {waiting, left}, "no alert ends for what has become no event"
    assert Alert.objects.get(subject=left).fired_to == ["log"]
    assert "tried again by themselves" not in Alert.objects.get(subject=waiting).message

    call_command("channel_sync_capture", "retry", stdout=StringIO())
    assert open_alerts() == {waiting}
    consume_captured()
    assert open_alerts() == set()


@pytest.mark.usefixtures("unlucky")
def test_an_alert_ends_when_its_rows_are_removed() -> None:
    CapturedChange.objects.update(attempts=ATTEMPTS, last_error="LookupError", next_attempt_at=None)
    assert open_alerts() == {"pms.Reservation:LookupError:left"}
    wait(minutes=400)
    assert open_alerts() == {"pms.Reservation:LookupError:left", "pms.Reservation:LookupError"}

    CapturedChange.objects.all().delete()

    assert open_alerts() == set()


@pytest.mark.usefixtures("unlucky")
def test_a_retry_counts_what_is_due_again() -> None:
    CapturedChange.objects.update(attempts=ATTEMPTS, last_error="LookupError", next_attempt_at=None)
    printed = StringIO()

    call_command("channel_sync_capture", "retry", "--json", stdout=printed)

    assert json.loads(printed.getvalue()) == {"retried": 2}


def test_each_model_and_class_of_error_has_an_alert(unlucky: list[Reservation], room_type: RoomType) -> None:
    RoomType.objects.filter(id=room_type.id).update(units=9)
    CapturedChange.objects.filter(row_pk=str(unlucky[0].pk)).update(attempts=ATTEMPTS, last_error="KeyError")
    CapturedChange.objects.filter(row_pk=str(unlucky[1].pk)).update(attempts=ATTEMPTS, last_error="LookupError")
    CapturedChange.objects.filter(model="pms.RoomType").update(attempts=ATTEMPTS, last_error="KeyError")

    assert {one.subject for one in found()} == {
        "pms.Reservation:KeyError:left",
        "pms.Reservation:LookupError:left",
        "pms.RoomType:KeyError:left",
    }


@pytest.mark.usefixtures("unlucky")
def test_the_time_is_a_setting_and_nothing_is_told_while_capture_is_off(settings: LazySettings) -> None:
    wait(minutes=2)
    settings.CHANNEL_SYNC = {**settings.CHANNEL_SYNC, "alert_event_waiting": timedelta(minutes=1)}
    assert len(found()) == 1

    settings.CHANNEL_SYNC = {**settings.CHANNEL_SYNC, "capture": False}

    assert found() == []


@pytest.mark.parametrize("kind", AlertKind.values)
def test_every_kind_is_in_the_runbook(kind: str) -> None:
    assert f"\n| `{kind}` | " in RUNBOOK.read_text()
