"""Roles were for all properties or none; now a role is for one property too, within what the host lets a user see."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import AnonymousUser, Group, Permission
from django.db.models import QuerySet
from django.test import Client
from django.urls import reverse
from rest_framework.test import APIClient

from channel_sync.api.views import OperationsViewSet
from channel_sync.models import (
    Alert,
    AlertKind,
    ApiCall,
    AuditAction,
    AuditEntry,
    ChannelEvent,
    ChannelProperty,
    EventStatus,
    PropertyRole,
    Role,
)
from channel_sync.operations import access
from channel_sync.operations.access import access_of, path_to_property
from channel_sync.operations.event_actions import retry_event
from pms_project.pms.models import HotelMembership
from tests.factories import ChannelConnectionFactory, ChannelPropertyFactory, EventFactory, HotelFactory
from tests.staff import works_everywhere, works_in

pytestmark = pytest.mark.django_db

Limit = Callable[[Any], Any]


@pytest.fixture
def of_port(monkeypatch: pytest.MonkeyPatch) -> Callable[[Limit], None]:
    """Have the host's port say what a user may see."""
    return lambda limit: monkeypatch.setattr(access, "visible_properties", limit)


@pytest.fixture
def two() -> tuple[ChannelProperty, ChannelProperty]:
    return ChannelPropertyFactory(), ChannelPropertyFactory()


def user_with(role: Role | None, name: str = "ada") -> Any:
    user = get_user_model().objects.create_user(name)
    if role is not None:
        user.groups.add(Group.objects.get(name=role.group))
    return get_user_model().objects.get(pk=user.pk)


def seen(user: Any, role: Role = Role.VIEWER) -> set[ChannelProperty]:
    return set(access_of(user).properties(role))


def ids_as_a_list(found: ChannelProperty) -> list[UUID]:
    return [found.property_id]


def ids_as_a_queryset(found: ChannelProperty) -> QuerySet[Any]:
    return ChannelProperty.objects.filter(pk=found.pk).values_list("property", flat=True)


def test_a_role_for_one_property_ends_there(two: tuple[ChannelProperty, ...], of_port: Any) -> None:
    of_port(lambda _: None)
    user = user_with(None)
    PropertyRole.objects.create(user=user, property=two[0].property, role=Role.OPERATOR)
    held = access_of(user)

    assert seen(user) == seen(user, Role.OPERATOR) == {two[0]}
    assert seen(user, Role.ADMINISTRATOR) == set()
    assert held.has(Role.OPERATOR)
    assert not held.has(Role.ADMINISTRATOR)
    assert not held.is_for_all(Role.VIEWER)
    assert [held.may(Role.OPERATOR, one.pk) for one in two] == [True, False]
    assert not held.may(Role.VIEWER, None)


def test_a_role_for_all_and_a_higher_one_for_one_property(two: tuple[ChannelProperty, ...], of_port: Any) -> None:
    of_port(lambda _: None)
    user = user_with(Role.VIEWER)
    PropertyRole.objects.create(user=user, property=two[0].property, role=Role.ADMINISTRATOR)
    held = access_of(user)
    held.learn([one.pk for one in two])

    assert seen(user) == set(two)
    assert seen(user, Role.ADMINISTRATOR) == {two[0]}
    assert [held.may(Role.OPERATOR, one.pk) for one in two] == [True, False]
    assert held.may(Role.VIEWER, None)
    assert not held.may(Role.OPERATOR, None)


@pytest.mark.parametrize("ids", [ids_as_a_list, ids_as_a_queryset])
@pytest.mark.parametrize("role", list(Role))
def test_the_host_caps_every_role(
    two: tuple[ChannelProperty, ...], of_port: Any, ids: Callable[[ChannelProperty], Any], role: Role
) -> None:
    of_port(lambda _: ids(two[0]))
    user = user_with(role)
    PropertyRole.objects.create(user=user, property=two[1].property, role=Role.ADMINISTRATOR)
    root = get_user_model().objects.create_superuser("root")

    assert seen(user) == seen(user, role) == {two[0]}
    assert seen(root, Role.ADMINISTRATOR) == {two[0]}
    assert not access_of(root).is_for_all(Role.VIEWER)
    assert not access_of(user).may(Role.VIEWER, two[1].pk)


def test_a_host_that_says_nothing_shows_all(two: tuple[ChannelProperty, ...], settings: Any) -> None:
    settings.CHANNEL_SYNC = {**settings.CHANNEL_SYNC, "pms": "tests.integration.test_access.Silent"}

    assert seen(user_with(Role.VIEWER)) == set(two)


class Silent:
    """A port of before: it knows no users."""


@pytest.mark.parametrize("is_active", [True, False])
def test_who_is_not_there_any_more_has_no_role(two: tuple[ChannelProperty, ...], of_port: Any, is_active: bool) -> None:
    of_port(lambda _: None)
    user = user_with(Role.ADMINISTRATOR)
    PropertyRole.objects.create(user=user, property=two[0].property, role=Role.ADMINISTRATOR)
    user.is_active = is_active

    assert access_of(user).has(Role.VIEWER) is is_active
    assert bool(seen(user)) is is_active
    assert not access_of(AnonymousUser()).has(Role.VIEWER)


@pytest.mark.parametrize("few", [20, 0])
def test_few_properties_are_named_and_many_stay_in_the_database(
    two: tuple[ChannelProperty, ...],
    django_assert_num_queries: Any,
    monkeypatch: pytest.MonkeyPatch,
    few: int,
) -> None:
    """The ids once for a request, then one statement for each list."""
    monkeypatch.setattr(access, "FEW", few)
    user = works_in(two[0].property, Role.VIEWER)
    mine = EventFactory(channel_property=two[0])
    EventFactory(channel_property=two[1])
    held = access_of(user)

    with django_assert_num_queries(2):
        limited = held.limit(ChannelEvent.objects.order_by("id"))
        assert [one.pk for one in limited] == [mine.pk]
    assert ("SELECT" in str(limited.query).split("WHERE")[1]) is (few == 0)


def test_no_view_can_be_written_for_rows_of_nobody_knows_whom() -> None:
    with pytest.raises(TypeError, match="ApiCall has no channel property"):
        path_to_property(ApiCall)
    with pytest.raises(TypeError):

        class Calls(OperationsViewSet):
            queryset = ApiCall.objects.all()


def test_too_low_a_role_is_403_and_an_unseen_row_404(two: tuple[ChannelProperty, ...]) -> None:
    events = [EventFactory(channel_property=one, status=EventStatus.FAILED) for one in two]
    client = APIClient()
    client.force_login(works_in(two[0].property, Role.VIEWER))
    elsewhere = ChannelPropertyFactory()
    PropertyRole.objects.create(
        user=get_user_model().objects.get(username="clerk"), property=elsewhere.property, role=Role.OPERATOR
    )
    HotelMembership.objects.create(user=get_user_model().objects.get(username="clerk"), hotel=elsewhere.property)

    answers = [client.post(f"/api/admin/events/{event.pk}/retry/").status_code for event in events]

    assert answers == [403, 404]


def test_guests_are_shown_by_the_role_on_their_own_property(two: tuple[ChannelProperty, ...]) -> None:
    """In one list: an operator of one hotel who is viewer of the other."""
    user = works_in(two[0].property, Role.OPERATOR)
    works_in(two[1].property, Role.VIEWER)
    client = APIClient()
    client.force_login(user)
    events = [EventFactory(channel_property=one, payload={"guest": "Grace"}) for one in two]

    shown = [client.get(f"/api/admin/events/{event.pk}/").json()["payload"] for event in events]

    assert shown == [{"guest": "Grace"}, None]


def test_rows_of_no_property_are_for_who_sees_all(two: tuple[ChannelProperty, ...]) -> None:
    Alert.objects.create(kind=AlertKind.BROKER_UNREACHABLE, message="The broker is away.")
    AuditEntry.objects.create(actor="ada", action=AuditAction.EVENT_RETRIED, subject="events")
    one, everyone = APIClient(), APIClient()
    one.force_login(works_in(two[0].property, Role.ADMINISTRATOR, is_staff=True))
    everyone.force_login(works_everywhere(user_with(None, "all"), Role.VIEWER))

    assert one.get("/api/admin/audit/").json()["pagination"]["total"] == 0
    assert everyone.get("/api/admin/audit/").json()["pagination"]["total"] == 1
    assert "broker is away" not in one.get(reverse("admin:channel_sync_alert_changelist")).content.decode()


def test_a_single_retry_is_in_the_audit_of_its_property() -> None:
    found = ChannelConnectionFactory().channel_property
    retry_event(EventFactory(channel_property=found, status=EventStatus.FAILED), by="ada")

    assert AuditEntry.objects.get().channel_property_id == found.pk


@pytest.fixture
def grantor() -> Client:
    user = get_user_model().objects.create_user("grantor", is_staff=True)
    works_everywhere(user, Role.ADMINISTRATOR)
    client = Client()
    client.force_login(user)
    return client


def test_a_role_is_granted_changed_and_taken_back_in_the_admin(grantor: Client) -> None:
    hotel, clerk = HotelFactory(), get_user_model().objects.create_user("clerk")
    add = reverse("admin:channel_sync_propertyrole_add")

    grantor.post(add, {"user": clerk.pk, "property": hotel.pk, "role": Role.VIEWER})
    held = PropertyRole.objects.get(user=clerk)
    grantor.post(reverse("admin:channel_sync_propertyrole_change", args=[held.pk]), {"role": Role.OPERATOR})
    changed = PropertyRole.objects.get(user=clerk).role
    grantor.post(reverse("admin:channel_sync_propertyrole_delete", args=[held.pk]), {"post": "yes"})

    assert (held.role, changed) == (Role.VIEWER, Role.OPERATOR)
    assert not PropertyRole.objects.exists()
    audit = AuditEntry.objects.order_by("created_at").values_list("actor", "action", "subject", "details__role")
    assert list(audit) == [
        ("grantor", "role.granted", "user:clerk", "viewer"),
        ("grantor", "role.granted", "user:clerk", "operator"),
        ("grantor", "role.revoked", "user:clerk", "operator"),
    ]


@pytest.mark.parametrize(("codename", "expected"), [("change_user", 200), ("view_user", 403)])
def test_who_may_change_users_may_grant(codename: str, expected: int) -> None:
    user = get_user_model().objects.create_user("clerk", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename=codename, content_type__app_label="auth"))
    client = Client()
    client.force_login(user)

    assert client.get(reverse("admin:channel_sync_propertyrole_add")).status_code == expected


def test_a_role_survives_that_its_property_is_connected_later_and_goes_with_the_user() -> None:
    hotel = HotelFactory()
    user = works_in(hotel, Role.OPERATOR)
    connected = ChannelPropertyFactory(property=hotel)

    assert seen(user, Role.OPERATOR) == {connected}
    connected.delete()
    assert PropertyRole.objects.filter(user=user).exists()
    user.delete()
    assert not PropertyRole.objects.exists()
