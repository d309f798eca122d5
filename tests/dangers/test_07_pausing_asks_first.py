"""Danger: one click pauses a property, and rooms that are sold at the desk meanwhile are sold again by the channel."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.test import Client
from django.urls import reverse

from channel_sync.models import AuditEntry, ChannelProperty, ChannelPropertyStatus
from channel_sync.operations.roles import Role

pytestmark = pytest.mark.django_db


@pytest.fixture
def browser_of(db: None) -> Callable[[Role], Client]:
    def client(role: Role) -> Client:
        user = get_user_model().objects.create(username=role.name.lower(), is_staff=True)
        user.groups.add(Group.objects.get(name=role.group))
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


def test_the_api_pauses_at_once_and_its_description_says_what_follows(
    api_of: Callable[[Role | None], Any], channel_property: ChannelProperty
) -> None:
    schema = Client().get("/api/schema/", {"format": "json"}).json()
    described = schema["paths"]["/api/admin/properties/{id}/pause/"]["post"]["description"]
    assert "sold twice" in described

    assert api_of(Role.ADMINISTRATOR).post(f"/api/admin/properties/{channel_property.pk}/pause").status_code == 200
    assert not is_active(channel_property)
