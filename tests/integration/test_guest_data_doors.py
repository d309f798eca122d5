"""Command, API and page of a guest's data: the same services, for administrators, who are asked before an erasure."""

from __future__ import annotations

import io
import json
import logging
import re
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command
from django.test import Client
from rest_framework.test import APIClient

from channel_sync.models import AuditAction, AuditEntry, ChannelEvent, ChannelProperty, EventStatus
from channel_sync.operations.roles import Role
from tests.beds24_webhooks import webhook
from tests.factories import ChannelPropertyFactory, EventFactory, HotelFactory
from tests.staff import works_everywhere, works_in

pytestmark = pytest.mark.django_db

NUMBER, EMAIL = "5000001", "ada@example.org"
PAGE = "/admin/channel_sync/channelproperty/guest-data/"
OVER = date.today() - timedelta(days=3)
Api = Callable[[Role | None], APIClient]


@pytest.fixture
def event(channel_property: ChannelProperty) -> ChannelEvent:
    """A booking of a stay that is over."""
    dates = {"arrival": str(OVER - timedelta(days=2)), "departure": str(OVER)}
    made: ChannelEvent = EventFactory(
        channel_property=channel_property, entity_external_id=NUMBER, status=EventStatus.DONE,
        payload=webhook(**dates), claimed_from=OVER - timedelta(days=2), claimed_until=OVER,
    )  # fmt: skip
    return made


def is_erased(event: ChannelEvent) -> bool:
    event.refresh_from_db()
    return EMAIL not in json.dumps(event.payload)


def run(*arguments: str) -> str:
    output = io.StringIO()
    call_command("channel_sync_guest", *arguments, stdout=output)
    return output.getvalue()


def browser(role: Role) -> Client:
    user = works_everywhere(get_user_model().objects.create_user(role.name.lower(), is_staff=True), role)
    client = Client()
    client.force_login(user)
    return client


def test_the_command_finds_exports_and_erases(
    event: ChannelEvent, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    assert "Ada Lovelace" in run("find", "--email", EMAIL.upper())
    assert EMAIL in run("export", "--booking", NUMBER)
    target = tmp_path / "guest.json"
    assert "1 bookings exported" in run("export", "--booking", NUMBER, "--output", str(target))
    assert json.loads(target.read_text())["bookings"][0]["booking"] == NUMBER
    assert target.stat().st_mode & 0o077 == 0
    with pytest.raises(CommandError, match="is there already"):
        run("export", "--booking", NUMBER, "--output", str(target))
    monkeypatch.setattr("builtins.input", lambda question: "n")
    with pytest.raises(CommandError, match="Nothing was done"):
        run("erase", "--booking", NUMBER)
    assert not is_erased(event)
    monkeypatch.setattr("builtins.input", lambda question: "y")

    said = run("erase", "--email", EMAIL)

    assert is_erased(event)
    assert "Erase the guest at the channel first" in said
    assert "1 rows changed" in said
    assert json.loads(run("erase", "--booking", NUMBER, "--yes", "--json"))[0]["rows"] == {}
    assert not [word for word in ("Lovelace", EMAIL) if word in caplog.text]


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["find"], "Name a booking"),
        (["find", "--last-name", "Lovelace"], "together with the day of arrival"),
        (["export", "--booking", "1"], "Nothing is kept"),
        (["erase", "--booking", NUMBER, "--json"], "add --yes"),
    ],
)
def test_the_command_says_what_it_lacks(event: ChannelEvent, arguments: list[str], reason: str) -> None:
    with pytest.raises(CommandError, match=reason):
        run(*arguments)


def test_the_command_ends_with_1_when_a_booking_is_left(event: ChannelEvent) -> None:
    ChannelEvent.objects.update(status=EventStatus.RETRYING)

    with pytest.raises(CommandError, match="1 of 1 bookings are left"):
        run("erase", "--booking", NUMBER, "--yes")
    assert not is_erased(event)


def test_the_api_finds_exports_and_erases(event: ChannelEvent, api_of: Api) -> None:
    api = api_of(Role.ADMINISTRATOR)

    def post(action: str, **body: Any) -> Any:
        return api.post(f"/api/admin/guest-data/{action}/", body, format="json")

    (found,) = post("search", email=EMAIL).json()["bookings"]
    assert (found["booking"], found["guests"], found["in_the_way"]) == (NUMBER, ["Ada Lovelace"], [])
    assert found["rows"] == {"channel_events": 1}
    assert found["arrival"] == str(OVER - timedelta(days=2))
    exported = post("export", last_name="Lovelace", arrival=found["arrival"])
    assert EMAIL in exported.content.decode()
    assert exported.headers["Cache-Control"] == "no-store"
    asked = post("erase", bookings=[NUMBER])
    assert asked.status_code == 409
    assert "1 of channel_events" in asked.json()["errors"][0]["detail"]
    assert not is_erased(event)

    erased = post("erase", bookings=[NUMBER], confirm=True)

    assert erased.json()["bookings"][0]["rows"] == {"channel_events": 1}
    assert is_erased(event)
    actions = list(AuditEntry.objects.order_by("created_at").values_list("actor", "action", "subject"))
    assert actions == [
        ("administrator", AuditAction.GUEST_EXPORTED, f"booking:{NUMBER}"),
        ("administrator", AuditAction.GUEST_ERASED, f"booking:{NUMBER}"),
    ]
    assert "Lovelace" not in str(AuditEntry.objects.values_list("details", flat=True))


def test_the_api_refuses_what_names_nobody_and_who_is_no_administrator(event: ChannelEvent, api_of: Api) -> None:
    api = api_of(Role.ADMINISTRATOR)
    for body in ({}, {"last_name": "Lovelace"}, {"email": EMAIL, "phone": "1"}, {"bookings": ["x" * 256]}):
        assert api.post("/api/admin/guest-data/search/", body, format="json").status_code == 400, body
    elsewhere = {"bookings": [NUMBER], "property_id": str(ChannelPropertyFactory().id)}
    assert api.post("/api/admin/guest-data/export/", elsewhere, format="json").status_code == 404
    assert api.post("/api/admin/guest-data/erase/", {"email": EMAIL}, format="json").status_code == 400
    body = {"bookings": [NUMBER], "confirm": True}
    for role in (None, Role.VIEWER, Role.OPERATOR):
        for action in ("search", "export", "erase"):
            sent = {name: value for name, value in body.items() if action == "erase" or name != "confirm"}
            assert api_of(role).post(f"/api/admin/guest-data/{action}/", sent, format="json").status_code == 403
    assert not is_erased(event)


def test_the_page_finds_exports_and_erases(event: ChannelEvent) -> None:
    admin = browser(Role.ADMINISTRATOR)
    assert "Look for the guest" in admin.get(PAGE).content.decode()
    assert "Name a booking" in admin.post(PAGE, {"do": "search"}).content.decode()
    found = admin.post(PAGE, {"do": "search", "email": EMAIL}).content.decode()
    key = f"{event.channel_property_id}/booking:{NUMBER}"
    assert key in found
    assert "Ada Lovelace" in found
    exported = admin.post(PAGE, {"do": "export", "chosen": key})
    assert exported.headers["Content-Disposition"].startswith("attachment")
    assert exported.json()["bookings"][0]["booking"] == NUMBER
    assert "Choose a booking" in admin.post(PAGE, {"do": "erase"}, follow=True).content.decode()
    asked = admin.post(PAGE, {"do": "erase", "chosen": key}).content.decode()
    assert "It cannot be undone" in asked
    assert not is_erased(event)

    done = admin.post(PAGE, {"do": "erase", "chosen": key, "confirmed": "yes"}, follow=True)

    assert "1 rows changed" in done.content.decode()
    assert is_erased(event)
    broken = admin.post(PAGE, {"do": "erase", "chosen": f"{event.channel_property_id}/reservation:x"})
    assert broken.status_code == 400


def test_the_page_of_another_hotel_knows_no_such_guest(event: ChannelEvent) -> None:
    other = Client()
    other.force_login(works_in(HotelFactory(), Role.ADMINISTRATOR, is_staff=True))
    key = f"{event.channel_property_id}/booking:{NUMBER}"

    assert key not in other.post(PAGE, {"do": "search", "email": EMAIL}).content.decode()
    for wanted in ("export", "erase"):
        answer = other.post(PAGE, {"do": wanted, "chosen": key, "confirmed": "yes"}, follow=True).content.decode()
        assert "Choose a booking" in answer
    assert not is_erased(event)


@pytest.mark.parametrize("role", [Role.VIEWER, Role.OPERATOR])
def test_the_page_is_for_administrators(event: ChannelEvent, role: Role) -> None:
    staff = browser(role)

    assert staff.get(PAGE).status_code == 403
    key = f"{event.channel_property_id}/booking:{NUMBER}"
    assert staff.post(PAGE, {"do": "erase", "chosen": key, "confirmed": "yes"}).status_code == 403
    assert not is_erased(event)


def noted(event: ChannelEvent) -> AuditEntry:
    """Words about a guest whose name nothing else says any more."""
    return AuditEntry.objects.create(
        actor="ada", action=AuditAction.EVENT_IGNORED, subject=f"event:{event.id}",
        channel_property=event.channel_property, details={"reason": "Frau Byron has called"},
    )  # fmt: skip


def test_the_api_takes_out_what_else_the_guest_is_called(event: ChannelEvent, api_of: Api) -> None:
    entry = noted(event)

    body = {"bookings": [NUMBER], "names": ["Byron"], "confirm": True}
    erased = api_of(Role.ADMINISTRATOR).post("/api/admin/guest-data/erase/", body, format="json")

    entry.refresh_from_db()
    assert erased.status_code == 200
    assert entry.details == {"reason": "Frau (erased) has called"}


def test_the_page_takes_out_the_words_of_the_search(event: ChannelEvent, admin_client: Client) -> None:
    payload = event.payload
    payload["booking"]["comments"] = "Byron"
    ChannelEvent.objects.update(payload=payload)
    entry = noted(event)
    searched = {"last_name": "Byron", "arrival": str(OVER - timedelta(days=2)), "do": "search"}
    page = admin_client.post(PAGE, searched).content.decode()
    (key,) = re.findall(r'name="chosen" value="([^"]+)"', page)
    (called,) = re.findall(r'name="called" value="([^"]+)"', page)

    asked = admin_client.post(PAGE, {"do": "erase", "chosen": key, "called": called}).content.decode()
    (called,) = re.findall(r'name="called" value="([^"]+)"', asked)
    admin_client.post(PAGE, {"do": "erase", "chosen": key, "called": called, "confirmed": "yes"})

    entry.refresh_from_db()
    assert entry.details == {"reason": "Frau (erased) has called"}
