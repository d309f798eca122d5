"""What happens is noted in its transaction, whoever writes it, and read by viewers through the feed.

There was no way for a page to hear of a change but to load its lists again and again.
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext, override_settings
from django.utils import timezone
from rest_framework.test import APIClient

from channel_sync.conflicts import close_gone, flag_conflict
from channel_sync.connections.opening import hold_property, open_up
from channel_sync.connections.pausing import note_paused, note_resumed
from channel_sync.errors import RefusedByChannel
from channel_sync.events import store
from channel_sync.feed.cursor import sealed
from channel_sync.feed.page import Page, present_end
from channel_sync.models import (
    AlertKind,
    ChannelEvent,
    ChannelProperty,
    Conflict,
    ConflictKind,
    EventStatus,
    Notification,
    ParityReason,
    Severity,
)
from channel_sync.monitoring.alerts import follow
from channel_sync.monitoring.finding import Finding
from channel_sync.operations.roles import Role
from tests.factories import ChannelConnectionFactory, EventFactory, OutboundEventFactory
from tests.staff import works_in

pytestmark = pytest.mark.django_db

FEED = "/api/admin/feed/"
Api = Callable[[Role | None], APIClient]


@pytest.fixture
def viewer(api_of: Api) -> APIClient:
    return api_of(Role.VIEWER)


def kinds() -> list[str]:
    return list(Notification.objects.order_by("id").values_list("kind", flat=True))


@pytest.fixture
def nothing_yet(channel_property: ChannelProperty) -> ChannelProperty:
    Notification.objects.all().delete()
    return channel_property


def test_what_becomes_of_an_event_is_noted_once(nothing_yet: ChannelProperty, handle_with: Any) -> None:
    handle_with(lambda event: None)
    event = EventFactory(channel_property=nothing_yet)
    claimed = store.claim(event.id)
    assert claimed is not None
    assert kinds() == []

    store.fail(claimed, RefusedByChannel("no Ada Lovelace", status=400))
    store.restart(ChannelEvent.objects.all(), [EventStatus.FAILED])
    again = store.claim(event.id)
    assert again is not None
    store.complete(again)

    assert kinds() == ["event.failed", "event.retried", "reservation.synced"]
    failed = Notification.objects.earliest("id")
    assert failed.channel_property_id == nothing_yet.id
    assert failed.payload["event_id"] == str(event.id)
    assert failed.payload["error"] == "RefusedByChannel"
    assert "Lovelace" not in str(list(Notification.objects.values_list("payload", flat=True)))


def test_a_booking_that_the_channel_refuses_is_noted_as_refused(nothing_yet: ChannelProperty, handle_with: Any) -> None:
    handle_with(lambda event: None)
    claimed = store.claim(OutboundEventFactory(channel_property=nothing_yet).id)
    assert claimed is not None

    store.fail(claimed, RefusedByChannel("no", status=400))

    assert kinds() == ["event.failed", "reservation.refused"]


def test_what_a_person_puts_aside_is_noted(nothing_yet: ChannelProperty) -> None:
    store.dismiss([EventFactory(channel_property=nothing_yet).id], "a test booking")

    assert kinds() == ["event.ignored"]


def test_conflicts_are_noted_also_where_one_statement_closes_many(nothing_yet: ChannelProperty) -> None:
    for number in range(3):
        for _ in range(2):  # Found again it is no news.
            flag_conflict(
                nothing_yet, ConflictKind.DATES, Severity.HIGH, f"booking:{number}", pms_side={}, channel_side={}
            )

    close_gone(Conflict.objects.all())

    assert kinds() == ["conflict.opened"] * 3 + ["conflict.resolved"] * 3
    assert Notification.objects.latest("id").payload["resolution"] == "gone"


def test_pauses_and_going_live_are_noted(nothing_yet: ChannelProperty) -> None:
    note_paused(nothing_yet.id, by="eve")
    hold_property(nothing_yet, ParityReason.RESUMED, by="eve")
    note_resumed(nothing_yet.id, is_held=True)
    open_up(nothing_yet)

    assert kinds() == ["property.paused", "property.held", "property.resumed", "property.live"]


def test_an_alert_is_noted_when_it_is_sent_and_when_it_is_over(nothing_yet: ChannelProperty) -> None:
    finding = Finding(AlertKind.PAUSED, "paused for long", subject="x", channel_property=nothing_yet)
    for found in ([finding], [finding], []):
        follow(found, now=timezone.now())

    assert kinds() == ["alert.raised", "alert.ended"]


def test_what_is_undone_was_never_noted(nothing_yet: ChannelProperty) -> None:
    with transaction.atomic():
        note_paused(nothing_yet.id, by="eve")
        transaction.set_rollback(True)

    assert kinds() == []


def test_moving_an_event_along_notes_nothing_and_costs_no_statement(nothing_yet: ChannelProperty) -> None:
    event = EventFactory(channel_property=nothing_yet)
    with CaptureQueriesContext(connection) as queries:
        claimed = store.claim(event.id)
        assert claimed is not None
        store.complete(claimed)

    assert len(queries) == 2
    assert kinds() == ["reservation.synced"]


def test_a_page_follows_from_now_on(viewer: APIClient, nothing_yet: ChannelProperty) -> None:
    note_paused(nothing_yet.id, by="eve")
    begin = viewer.get(FEED).json()
    note_resumed(nothing_yet.id, is_held=False)

    answer = viewer.get(FEED, {"after": begin["next"]})

    assert begin["notifications"] == []
    (noted,) = answer.json()["notifications"]
    assert noted["kind"] == "property.resumed"
    assert noted["channel_property_id"] == str(nothing_yet.id)
    assert noted["data"]["property_id"] == str(nothing_yet.property_id)
    assert noted["cursor"] == answer.json()["next"]
    assert answer.headers["Cache-Control"] == "private, no-cache"
    assert [one["kind"] for one in viewer.get(FEED, {"after": "0", "limit": 1}).json()["notifications"]] == [
        "property.paused"
    ]


def test_nothing_new_costs_one_statement_besides_the_login(viewer: APIClient, nothing_yet: ChannelProperty) -> None:
    after = viewer.get(FEED).json()["next"]
    first = viewer.get(FEED, {"after": after})
    with CaptureQueriesContext(connection) as login:
        viewer.get("/api/admin/conflicts/", {"page": "x"})  # Refused before a row is read.
    with CaptureQueriesContext(connection) as queries:
        again = viewer.get(FEED, {"after": after}, headers={"if-none-match": first.headers["ETag"]})

    assert again.status_code == 304
    assert again.content == b""
    about = [query["sql"] for query in queries if "django_session" not in query["sql"] and "auth_" not in query["sql"]]
    assert len(about) == 1
    assert "channel_notifications" in about[0]
    assert len(queries) <= len(login) + 1

    note_paused(nothing_yet.id, by="eve")
    changed = viewer.get(FEED, {"after": after}, headers={"if-none-match": first.headers["ETag"]})
    assert changed.status_code == 200
    assert len(changed.json()["notifications"]) == 1


def test_what_happens_at_another_hotel_moves_neither_cursor_nor_tag(
    client: Client, channel_property: ChannelProperty
) -> None:
    other = ChannelConnectionFactory().channel_property
    client.force_login(works_in(channel_property.property, Role.VIEWER, name="vera"))
    note_paused(channel_property.id, by="eve")
    begin = client.get(FEED).json()["next"]
    first = client.get(FEED, {"after": begin})
    note_paused(other.id, by="eve")

    assert client.get(FEED).json()["next"] == begin
    assert client.get(FEED, {"after": begin}).headers["ETag"] == first.headers["ETag"]
    note_resumed(channel_property.id, is_held=False)
    assert len(client.get(FEED, {"after": begin}).json()["notifications"]) == 1


def test_a_tag_cannot_be_made_from_a_place_in_the_feed(client: Client, channel_property: ChannelProperty) -> None:
    """Places are small numbers: whoever can try them counts what happens at other hotels."""
    client.force_login(works_in(channel_property.property, Role.VIEWER, name="vera"))
    note_paused(channel_property.id, by="eve")
    begin = client.get(FEED).json()["next"]

    tag = client.get(FEED, {"after": begin}).headers["ETag"].strip('"')

    place = Notification.objects.latest("position").position
    assert tag != sha256(f"{place} []".encode()).hexdigest()[: len(tag)]
    with override_settings(SECRET_KEY="another"):
        assert Page([], place or 0, has_more=False).tag.strip('"') != tag


def test_who_has_no_role_follows_nothing(api_of: Api, nothing_yet: ChannelProperty) -> None:
    assert api_of(None).get(FEED).status_code == 403
    assert APIClient().get(FEED).status_code in (401, 403)


@pytest.mark.parametrize(("query", "attr"), [({"after": "x"}, "after"), ({"limit": 0}, "limit"), ({"wait": 9}, "wait")])
def test_a_wrong_question_is_refused(viewer: APIClient, query: dict[str, Any], attr: str) -> None:
    answer = viewer.get(FEED, query)

    assert answer.status_code == 400
    assert answer.json()["errors"][0]["attr"] == attr


def test_a_cursor_of_another_database_is_gone(viewer: APIClient) -> None:
    answer = viewer.get(FEED, {"after": sealed(present_end(Notification.objects.all()) + 10**12)})

    assert answer.status_code == 410
    assert answer.json()["errors"][0]["code"] == "cursor_gone"


def test_what_is_noted_has_no_reader_above_it(viewer: APIClient, nothing_yet: ChannelProperty) -> None:
    """Rows that another process is numbering are left to it: nobody waits."""
    Notification.objects.create(kind="alert.raised", subject_id=uuid4(), payload={})

    assert present_end(Notification.objects.all()) > 0
    assert present_end(Notification.objects.all()) == present_end(Notification.objects.all())
