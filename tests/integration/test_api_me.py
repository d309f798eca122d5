"""`/api/admin/me`: a page could not know what its user may do, and offered what was then refused."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth import get_user_model
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import resolve
from rest_framework.test import APIClient

from channel_sync.models import ChannelProperty, PropertyRole
from channel_sync.operations.roles import Role
from tests.factories import ChannelPropertyFactory, HotelFactory
from tests.staff import works_everywhere, works_in
from tests.who_sees_what import ALLOWED, CHANNEL_SYNC_API, Caller, Needs

pytestmark = pytest.mark.django_db

ME = "/api/admin/me/"
CALLERS = {
    Role.VIEWER: Caller.VIEWER,
    Role.OPERATOR: Caller.OPERATOR,
    Role.ADMINISTRATOR: Caller.ADMINISTRATOR,
}


def me(user: Any) -> Mapping[str, Any]:
    client = APIClient()
    client.force_login(user)
    answer = client.get(ME)
    assert answer.status_code == 200, answer.json()
    found: Mapping[str, Any] = answer.json()
    return found


def test_a_login_is_enough_and_nobody_is_nobody() -> None:
    stranger = me(get_user_model().objects.create_user("stranger"))

    assert APIClient().get(ME).status_code == 401
    assert (stranger["username"], stranger["role"], stranger["sees_installation"]) == ("stranger", None, False)
    assert (stranger["actions"], stranger["properties"]) == ([], [])


def test_a_role_for_one_property_is_named_with_it(channel_property: ChannelProperty) -> None:
    ChannelPropertyFactory()
    unconnected = HotelFactory()
    user = works_in(channel_property.property, Role.OPERATOR)
    works_in(unconnected, Role.ADMINISTRATOR)
    unseen = HotelFactory()
    PropertyRole.objects.create(user=user, property=unseen, role=Role.ADMINISTRATOR)

    found = {one["property_id"]: one for one in me(user)["properties"]}

    assert set(found) == {str(channel_property.property_id), str(unconnected.pk)}
    own = found[str(channel_property.property_id)]
    assert (own["role"], own["channel_property_ids"]) == ("operator", [str(channel_property.id)])
    assert {"events.list", "events.retry"} <= set(own["actions"])
    assert "properties.pause" not in own["actions"]
    assert found[str(unconnected.pk)]["channel_property_ids"] == []
    assert "properties.connect" in found[str(unconnected.pk)]["actions"]


def test_a_role_for_all_is_said_once_and_single_ones_only_above_it(channel_property: ChannelProperty) -> None:
    user = works_everywhere(works_in(channel_property.property, Role.OPERATOR), Role.VIEWER)
    works_in(ChannelPropertyFactory().property, Role.VIEWER)

    found = me(user)

    assert (found["role"], found["sees_installation"]) == ("viewer", True)
    assert [one["property_id"] for one in found["properties"]] == [str(channel_property.property_id)]
    assert "events.list" in found["actions"]
    assert "events.retry" not in found["actions"]


@pytest.mark.parametrize("role", list(Role))
def test_the_actions_are_those_that_the_matrix_allows(api_of: Callable[[Role | None], APIClient], role: Role) -> None:
    said = set(api_of(role).get(ME).json()["actions"])

    differs = [
        (method, path)
        for (method, path), needs in CHANNEL_SYNC_API.items()
        if needs is not Needs.LOGIN and (_name(method, path) in said) is not (CALLERS[role] in ALLOWED[needs])
    ]
    assert not differs


def _name(method: str, path: str) -> str:
    """Of the action that answers at an address; the stream is none of a view set's where the host runs ASGI."""
    if path.endswith("/stream/"):
        return "feed.stream"
    found = resolve(
        path.replace("{delivery_id}", "1").replace("{id}", str(uuid4())).replace("{property_id}", str(uuid4()))
    )
    actions: Mapping[str, str] = found.func.actions  # type: ignore[attr-defined]
    return f"{path.split('/')[3].replace('-', '_')}.{actions[method]}"


def test_it_takes_no_more_statements_for_more_properties(django_assert_num_queries: Any) -> None:
    user = works_in(ChannelPropertyFactory().property, Role.OPERATOR)
    with CaptureQueriesContext(connection) as for_one:
        me(user)
    for _ in range(10):
        works_in(ChannelPropertyFactory().property, Role.OPERATOR)

    with django_assert_num_queries(len(for_one)):
        assert len(me(user)["properties"]) == 11
