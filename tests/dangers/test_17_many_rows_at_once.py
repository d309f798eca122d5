"""Danger: after a long outage thousands of events are selected, and the admin answers 400 to "Yes, retry"."""

from __future__ import annotations

from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from django.urls import reverse

from channel_sync.admin import role_admin
from channel_sync.models import AuditEntry, ChannelEvent, ChannelMapping, ChannelProperty, EventStatus, MappingType
from channel_sync.operations.roles import Role
from tests.factories import EventFactory
from tests.staff import works_everywhere

pytestmark = pytest.mark.django_db

MANY = 1_500
FAILED = reverse("admin:channel_sync_channelevent_changelist") + "?status__exact=failed"
MAPPINGS = reverse("admin:channel_sync_channelmapping_changelist")


class Fields(HTMLParser):
    """The fields of the form that asks, as a browser would send them."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, str]] = []
        self.feed(page.split('id="content-main"')[1])

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag == "input" and values.get("name"):
            self.found.append((str(values["name"]), values.get("value") or "a test"))


@pytest.fixture
def browser_of(db: None) -> Callable[[Role], Client]:
    def client(role: Role) -> Client:
        user = get_user_model().objects.create(username=role.name.lower(), is_staff=True)
        works_everywhere(user, role)
        made = Client()
        made.force_login(user)
        return made

    return client


def many_failed(channel_property: ChannelProperty, number: int = MANY) -> None:
    made = EventFactory.build_batch(number, channel_property=channel_property, status=EventStatus.FAILED)
    ChannelEvent.objects.bulk_create(made)


def select_all(browser: Client, page: str, action: str) -> Any:
    """What the page posts after "Select all" and "Go": the ids that it shows, and that all are meant."""
    shown = browser.get(page).context["cl"].result_list
    chosen = {"_selected_action": [str(row.pk) for row in shown], "action": action, "select_across": "1", "index": "0"}
    return browser.post(page, chosen)


def confirm(browser: Client, page: str, asked: Any) -> Any:
    assert asked.status_code == 200
    body = urlencode(Fields(asked.content.decode()).found)
    return browser.post(page, body, content_type="application/x-www-form-urlencoded", follow=True)


@pytest.mark.parametrize(("verb", "status"), [("retry", "received"), ("replay", "received"), ("ignore", "ignored")])
def test_all_of_more_than_a_thousand_events(
    browser_of: Callable[[Role], Client], channel_property: ChannelProperty, verb: str, status: str
) -> None:
    many_failed(channel_property)
    done = EventFactory(channel_property=channel_property, status=EventStatus.DONE)
    operator = browser_of(Role.OPERATOR)

    asked = select_all(operator, FAILED, f"{verb}_selected")
    assert f"{verb.capitalize()} 1500 events?" in asked.content.decode()
    assert ChannelEvent.objects.filter(status=EventStatus.FAILED).count() == MANY
    answer = confirm(operator, FAILED, asked)

    assert answer.status_code == 200
    assert f"1500 of 1500 events: {verb}." in answer.content.decode()
    assert ChannelEvent.objects.filter(status=status).count() == MANY
    done.refresh_from_db()
    assert done.status == EventStatus.DONE
    assert sum(entry.details["changed"] for entry in AuditEntry.objects.all()) == MANY


def test_only_what_was_counted_is_acted_on(
    browser_of: Callable[[Role], Client], channel_property: ChannelProperty
) -> None:
    many_failed(channel_property, 3)
    operator = browser_of(Role.OPERATOR)
    asked = select_all(operator, FAILED, "ignore_selected")

    late = EventFactory(channel_property=channel_property, status=EventStatus.FAILED)
    ChannelEvent.objects.filter(id=ChannelEvent.objects.exclude(id=late.id)[0].id).update(status=EventStatus.DONE)
    told = confirm(operator, FAILED, asked).content.decode()

    late.refresh_from_db()
    assert late.status == EventStatus.FAILED
    assert "2 of 3 events: ignore. 1 were in another state" in told


def test_more_than_a_page_can_carry_is_refused_with_what_to_do(
    browser_of: Callable[[Role], Client], channel_property: ChannelProperty, monkeypatch: pytest.MonkeyPatch
) -> None:
    many_failed(channel_property, 6)
    monkeypatch.setattr(role_admin, "AT_ONCE", 5)
    operator = browser_of(Role.OPERATOR)

    select_all(operator, FAILED, "retry_selected")
    told = operator.get(FAILED).content.decode()

    assert "More than 5 are selected, and nothing was done" in told
    assert "Narrow the filter" in told
    assert ChannelEvent.objects.filter(status=EventStatus.FAILED).count() == 6


def test_a_confirmation_with_broken_ids_does_nothing(
    browser_of: Callable[[Role], Client], channel_property: ChannelProperty
) -> None:
    many_failed(channel_property, 1)
    operator = browser_of(Role.OPERATOR)
    posted = {"_selected_action": "x", "select_across": "1", "action": "retry_selected", "confirmed": "yes"}

    assert operator.post(FAILED, {**posted, "ids": "7"}).status_code == 400
    assert ChannelEvent.objects.filter(status=EventStatus.FAILED).count() == 1


def test_all_of_more_than_a_thousand_mappings(
    browser_of: Callable[[Role], Client], channel_property: ChannelProperty
) -> None:
    ChannelMapping.objects.bulk_create(
        ChannelMapping(
            channel_property=channel_property,
            mapping_type=MappingType.ROOM,
            internal_id=uuid4(),
            external_id=f"2001:{number}",
        )
        for number in range(1_100)
    )
    administrator = browser_of(Role.ADMINISTRATOR)

    asked = select_all(administrator, MAPPINGS, "remove_selected")
    assert "Remove 1100 mappings?" in asked.content.decode()
    answer = confirm(administrator, MAPPINGS, asked)

    assert answer.status_code == 200
    assert not ChannelMapping.objects.filter(is_active=True).exists()
