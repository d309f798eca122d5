"""`/api/admin/alerts`: pages could not show alerts, which only the admin listed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from rest_framework.test import APIClient

from channel_sync.models import Alert, AlertKind, ChannelProperty
from channel_sync.operations.roles import Role
from tests.factories import ChannelPropertyFactory
from tests.staff import works_in

pytestmark = pytest.mark.django_db

LIST = "/api/admin/alerts/"
NOON = datetime(2027, 3, 1, 12, tzinfo=UTC)
Api = Callable[[Role | None], APIClient]


def alert(channel_property: ChannelProperty | None, kind: AlertKind = AlertKind.FAILED_EVENTS, **columns: Any) -> str:
    made = Alert.objects.create(
        channel_property=channel_property, kind=kind, subject=str(uuid4()), message="Look.",
        **{"created_at": NOON, **columns},
    )  # fmt: skip
    return str(made.id)


def listed(client: APIClient, **parameters: Any) -> list[str]:
    answer = client.get(LIST, parameters)
    assert answer.status_code == 200, answer.json()
    return [one["id"] for one in answer.json()["alerts"]]


def test_an_alert_reads_the_same_in_the_list_and_alone(api_of: Api, channel_property: ChannelProperty) -> None:
    made = alert(channel_property, resolved_at=NOON + timedelta(hours=1))
    viewer = api_of(Role.VIEWER)

    (shown,) = viewer.get(LIST).json()["alerts"]

    assert shown == viewer.get(f"{LIST}{made}/").json()
    assert shown["property_id"] == str(channel_property.property_id)
    assert (shown["kind"], shown["message"], shown["is_open"]) == ("failed_events", "Look.", False)
    assert (shown["created_at"], shown["resolved_at"]) == ("2027-03-01T12:00:00Z", "2027-03-01T13:00:00Z")


def test_alerts_are_filtered_by_state_kind_property_and_time(api_of: Api, channel_property: ChannelProperty) -> None:
    viewer, other = api_of(Role.VIEWER), ChannelPropertyFactory()
    ended = alert(channel_property, resolved_at=NOON, created_at=NOON - timedelta(days=1))
    still = alert(channel_property, AlertKind.PAUSED)
    elsewhere = alert(other)

    assert listed(viewer) == [*sorted([still, elsewhere], reverse=True), ended]
    assert listed(viewer, is_open="true", kind="paused,not_live") == [still]
    assert listed(viewer, is_open="false") == [ended]
    assert listed(viewer, property_id=other.property_id) == [elsewhere]
    assert listed(viewer, property_id=other.id) == [elsewhere]
    assert listed(viewer, created_to=NOON.isoformat()) == [ended]
    assert listed(viewer, created_from=NOON.isoformat(), kind="paused") == [still]
    assert viewer.get(LIST, {"kind": "sunshine"}).status_code == 400
    assert "is_open" in str(viewer.get(LIST, {"open": "true"}).json())


def test_alerts_of_the_installation_are_for_who_has_the_role_for_all(
    api_of: Api, channel_property: ChannelProperty
) -> None:
    of_all, of_property = alert(None, AlertKind.BROKER_UNREACHABLE), alert(channel_property)
    other = alert(ChannelPropertyFactory())
    clerk = APIClient()
    clerk.force_login(works_in(channel_property.property, Role.VIEWER))

    assert set(listed(api_of(Role.VIEWER))) == {of_all, of_property, other}
    assert listed(clerk) == [of_property]
    assert [clerk.get(f"{LIST}{one}/").status_code for one in (of_property, of_all, other)] == [200, 404, 404]
    assert api_of(Role.VIEWER).get(f"{LIST}{of_all}/").json()["property_id"] is None
