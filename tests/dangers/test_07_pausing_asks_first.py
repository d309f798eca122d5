"""Danger: one click pauses a property, and rooms that are sold at the desk meanwhile are sold again by the channel."""

from __future__ import annotations

import json
from collections.abc import Callable
from io import StringIO
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from channel_sync.models import AuditEntry, ChannelAccount, ChannelProperty, ChannelPropertyStatus
from channel_sync.operations.properties import pause
from channel_sync.operations.roles import Role
from tests.conftest import ConnectedHotel, RunningSimulator
from tests.dangers.working import units_at_beds24, work_everything
from tests.staff import with_login, works_everywhere

pytestmark = pytest.mark.django_db


@pytest.fixture
def browser_of(db: None) -> Callable[[Role], Client]:
    def client(role: Role) -> Client:
        user = get_user_model().objects.create(username=role.name.lower(), is_staff=True)
        works_everywhere(user, role)
        made = Client()
        made.force_login(user)
        return made

    return client


def address(channel_property: ChannelProperty) -> str:
    return reverse("admin:channel_sync_channelproperty_change", args=[channel_property.pk])


def text(answer: Any) -> str:
    assert answer.status_code == 200, answer
    return str(answer.content.decode())


def is_active(channel_property: ChannelProperty) -> bool:
    channel_property.refresh_from_db()
    return channel_property.status == ChannelPropertyStatus.ACTIVE


def test_the_button_leads_to_a_page_that_says_what_pausing_means(
    browser_of: Callable[[Role], Client], channel_property: ChannelProperty
) -> None:
    page = text(browser_of(Role.ADMINISTRATOR).post(address(channel_property), {"do": "pause"}))

    assert is_active(channel_property)
    assert not AuditEntry.objects.exists()
    assert f"Pause {channel_property}?" in page
    for said in ("bookings still come in", "Nothing is sent", "sold twice", "Resuming sends everything again"):
        assert said in page
    assert "Yes, pause" in page
    assert f'href="{address(channel_property)}"' in page


def test_only_the_confirmed_request_pauses(
    browser_of: Callable[[Role], Client], channel_property: ChannelProperty
) -> None:
    administrator = browser_of(Role.ADMINISTRATOR)

    text(administrator.post(address(channel_property), {"do": "pause"}, follow=True))
    text(administrator.get(address(channel_property), {"do": "pause", "confirmed": "yes"}))
    assert is_active(channel_property)
    told = text(administrator.post(address(channel_property), {"do": "pause", "confirmed": "yes"}, follow=True))

    assert not is_active(channel_property)
    assert "Paused" in told
    assert AuditEntry.objects.get().action == "property.paused"


def test_who_may_not_pause_is_not_asked_either(
    browser_of: Callable[[Role], Client], channel_property: ChannelProperty
) -> None:
    operator = browser_of(Role.OPERATOR)

    for body in ({"do": "pause"}, {"do": "pause", "confirmed": "yes"}):
        assert operator.post(address(channel_property), body).status_code == 403
    assert is_active(channel_property)


def test_the_page_names_what_stays_on_sale(browser_of: Callable[[Role], Client], connected: ConnectedHotel) -> None:
    page = text(browser_of(Role.ADMINISTRATOR).post(address(connected.channel_property), {"do": "pause"}))

    assert "Double Room (room 2001): 10 units a night; Single Room (room 2002): 5 units a night" in page
    assert "Yes, close the rooms at the channel, then pause" in page
    assert "Yes, pause and leave the rooms on sale" in page


def test_the_page_closes_the_rooms_first(
    browser_of: Callable[[Role], Client], connected: ConnectedHotel, beds24: RunningSimulator
) -> None:
    body = {"do": "pause-closed", "confirmed": "yes"}

    told = text(browser_of(Role.ADMINISTRATOR).post(address(connected.channel_property), body, follow=True))

    assert "Paused: its rooms are closed at the channel" in told
    assert units_at_beds24(beds24) == 0
    assert not is_active(connected.channel_property)


def test_rooms_can_be_closed_while_it_is_paused(
    browser_of: Callable[[Role], Client], connected: ConnectedHotel, beds24: RunningSimulator
) -> None:
    administrator = browser_of(Role.ADMINISTRATOR)
    pause(connected.channel_property, by="ada")

    asked = text(administrator.post(address(connected.channel_property), {"do": "close"}))
    assert "Close the rooms of" in asked
    assert units_at_beds24(beds24) == 10
    administrator.post(address(connected.channel_property), {"do": "close", "confirmed": "yes"})

    assert units_at_beds24(beds24) == 0
    assert "Close the rooms at the channel" not in text(administrator.get(address(connected.channel_property)))


def test_the_api_asks_first(api_of: Callable[[Role | None], Any], connected: ConnectedHotel) -> None:
    schema = with_login().get("/api/schema/", {"format": "json"}).json()
    described = schema["paths"]["/api/admin/properties/{id}/pause/"]["post"]["description"]
    assert "sold twice" in described
    administrator, url = api_of(Role.ADMINISTRATOR), f"/api/admin/properties/{connected.channel_property.pk}/pause"

    asked = administrator.post(url)

    assert (asked.status_code, asked.json()["errors"][0]["code"]) == (409, "not_confirmed")
    for said in ("sold twice", "Double Room (room 2001): 10 units a night"):
        assert said in asked.json()["errors"][0]["detail"]
    assert is_active(connected.channel_property)
    answer = administrator.post(url, {"confirm": True}, format="json")
    assert answer.status_code == 200
    told = answer.json()
    assert (told["status"], told["rooms_closed"], told["pause"]["by"]) == ("inactive", False, "administrator")
    assert "goes on selling" in told["pause"]["in_words"]


def test_the_api_closes_the_rooms_first(
    api_of: Callable[[Role | None], Any], connected: ConnectedHotel, beds24: RunningSimulator
) -> None:
    administrator, url = api_of(Role.ADMINISTRATOR), f"/api/admin/properties/{connected.channel_property.pk}/pause"
    body = {"confirm": True, "close_rooms": True}
    ChannelAccount.objects.update(unavailable_since="2020-01-01T00:00Z", probe_at="2099-01-01T00:00Z")

    waiting = administrator.post(url, body, format="json")
    assert (waiting.status_code, waiting.json()["status"]) == (202, "active")
    assert waiting.json()["pause"]["has_begun"] is False
    assert waiting.json()["pause"]["closing_event_id"]
    ChannelAccount.objects.update(unavailable_since=None)
    work_everything()

    assert units_at_beds24(beds24) == 0
    assert administrator.post(url, body, format="json").json()["rooms_closed"] is True


def test_the_command_asks_first(connected: ConnectedHotel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("builtins.input", lambda _: "n")
    with pytest.raises(CommandError, match="Nothing was done"):
        call_command("channel_sync_pause", str(connected.hotel.id), stdout=(asked := StringIO()))
    assert "Double Room (room 2001): 10 units a night" in asked.getvalue()
    with pytest.raises(CommandError, match="--yes"):
        call_command("channel_sync_pause", str(connected.hotel.id), "--json", stdout=StringIO())
    assert is_active(connected.channel_property)

    monkeypatch.setattr("builtins.input", lambda _: "y")
    call_command("channel_sync_pause", str(connected.hotel.id), stdout=StringIO())
    assert not is_active(connected.channel_property)


def test_the_command_closes_the_rooms_and_resumes(connected: ConnectedHotel, beds24: RunningSimulator) -> None:
    named = str(connected.channel_property.id)
    call_command("channel_sync_pause", named, "--close-rooms", "--yes", "--json", stdout=(printed := StringIO()))
    told = json.loads(printed.getvalue())
    assert (told["paused"], told["rooms_closed"], told["by"]) == (True, True, "command line")
    assert units_at_beds24(beds24) == 0

    resuming = ("channel_sync_resume", named, "--go-live", "link_and_send", "--json")
    call_command(*resuming, stdout=(printed := StringIO()))
    told = json.loads(printed.getvalue())
    assert (told["status"], told["is_open"]) == ("active", True)
    work_everything()
    assert units_at_beds24(beds24) == 10


def test_the_command_says_when_the_pause_has_not_begun(connected: ConnectedHotel) -> None:
    ChannelAccount.objects.update(unavailable_since="2020-01-01T00:00Z", probe_at="2099-01-01T00:00Z")

    with pytest.raises(CommandError, match="not paused yet"):
        call_command("channel_sync_pause", str(connected.hotel.id), "--close-rooms", "--yes", stdout=StringIO())
