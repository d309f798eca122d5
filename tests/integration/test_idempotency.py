"""`Idempotency-Key` was ignored: a form sent twice made two bookings."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.core.management import call_command
from django.db import connection
from django.db.models.functions import Now
from rest_framework.test import APIClient

from channel_sync.models import ChannelMapping, ChannelProperty, MappingType, PropertyRole, StoredAnswer
from channel_sync.operations.roles import Role
from pms_project.pms.models import HotelMembership, MaintenanceBlock, Reservation, RoomType
from pms_project.pms.services import reservations
from tests.factories import HotelFactory, RatePlanFactory, RoomFactory, RoomTypeFactory
from tests.integration.test_openapi import document
from tests.staff import works_in

pytestmark = pytest.mark.django_db

START = date.today() + timedelta(days=30)
RESERVATIONS = "/api/reservations/"


@pytest.fixture
def api() -> APIClient:
    client = APIClient()
    client.force_authenticate(get_user_model().objects.create_superuser("clerk"))
    return client


@pytest.fixture
def double() -> RoomType:
    room_type: RoomType = RoomTypeFactory(units=5)
    return room_type


def wanted(double: RoomType, **changes: Any) -> dict[str, Any]:
    return {
        "room_type": str(double.id), "check_in": str(START), "check_out": str(START + timedelta(days=2)),
        "guest": {"first_name": "Grace", "last_name": "Hopper"}, **changes,
    }  # fmt: skip


def send(api: APIClient, body: Any, key: str, path: str = RESERVATIONS) -> Any:
    return api.post(path, body, format="json", headers={"Idempotency-Key": key})


def code_of(answer: Any) -> str:
    return str(answer.json()["errors"][0]["code"])


def test_every_operation_that_creates_takes_a_key() -> None:
    without = {
        (path, "post")
        for path, methods in document()["paths"].items()
        for method, operation in methods.items()
        if method == "post"
        and ("201" in operation["responses"] or path == "/api/admin/reconciliation-runs/")
        and "Idempotency-Key" not in {parameter["name"] for parameter in operation.get("parameters", ())}
    }

    assert not without


def test_the_same_request_is_answered_as_the_first_time(api: APIClient, double: RoomType) -> None:
    first, second = send(api, wanted(double), "a"), send(api, wanted(double), "a")

    assert (first.status_code, second.status_code) == (201, 201)
    assert second.json() == first.json()
    assert second["ETag"] == first["ETag"]
    assert ("Idempotent-Replayed" in first.headers, second["Idempotent-Replayed"]) == (False, "true")
    assert Reservation.objects.count() == 1


def test_another_body_another_key_and_another_user(api: APIClient, double: RoomType) -> None:
    send(api, wanted(double), "a")
    colleague = APIClient()
    colleague.force_authenticate(get_user_model().objects.create_superuser("colleague"))

    other = send(api, wanted(double, units=2), "a")

    assert (other.status_code, code_of(other)) == (422, "idempotency_key_reused")
    assert send(api, wanted(double), "b").status_code == 201
    assert send(colleague, wanted(double), "a").status_code == 201
    assert Reservation.objects.count() == 3


@pytest.mark.parametrize("key", ["", "x" * 256, "with space"])
def test_a_key_is_checked(api: APIClient, double: RoomType, key: str) -> None:
    answer = send(api, wanted(double), key)

    assert answer.status_code == 400
    assert not Reservation.objects.exists()


def test_what_was_refused_may_be_sent_again(api: APIClient, double: RoomType) -> None:
    refused = send(api, wanted(double, units=6), "a")

    double.units = 6
    double.save()

    assert (refused.status_code, send(api, wanted(double, units=6), "a").status_code) == (409, 201)


def test_a_process_that_dies_leaves_neither_booking_nor_answer(
    api: APIClient, double: RoomType, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*args: Any, **options: Any) -> None:
        raise SystemExit

    with monkeypatch.context() as patched:
        patched.setattr("channel_sync.api.idempotency._store", die)
        with pytest.raises(SystemExit):
            send(api, wanted(double), "a")

    assert (Reservation.objects.count(), StoredAnswer.objects.count()) == (0, 0)
    assert send(api, wanted(double), "a").status_code == 201


@pytest.mark.django_db(transaction=True)
def test_two_at_once_make_one_booking(monkeypatch: pytest.MonkeyPatch, transactional_db: None) -> None:
    user, double = get_user_model().objects.create_superuser("clerk"), RoomTypeFactory(units=5)
    inside, go_on = threading.Event(), threading.Event()
    create = reservations.create_reservation

    def slowly(new: Any) -> Reservation:
        inside.set()
        assert go_on.wait(20)
        return create(new)

    monkeypatch.setattr(reservations, "create_reservation", slowly)
    answers: list[Any] = []

    def ask() -> None:
        client = APIClient()
        client.force_authenticate(user)
        try:
            answers.append(send(client, wanted(double), "a"))
        finally:
            connection.close()

    first = threading.Thread(target=ask)
    first.start()
    assert inside.wait(20)
    second = threading.Thread(target=ask)
    second.start()
    second.join(20)
    assert [(answer.status_code, code_of(answer)) for answer in answers] == [(409, "idempotency_key_in_use")]
    go_on.set()
    first.join(20)
    ask()

    assert [answer.status_code for answer in answers] == [409, 201, 201]
    assert answers[2].json() == answers[1].json()
    assert Reservation.objects.count() == 1


def test_groups_blocks_and_mappings_are_made_once(
    api: APIClient, double: RoomType, channel_property: ChannelProperty
) -> None:
    block = {"room": str(RoomFactory(room_type=double).id), "start": str(START), "end": str(START + timedelta(days=1))}
    mapping = {
        "channel_property_id": str(channel_property.id), "mapping_type": "property",
        "internal_id": str(channel_property.property_id), "external_id": "1001",
    }  # fmt: skip
    for path, body in (
        ("/api/reservations/group/", [wanted(double), wanted(double)]),
        ("/api/maintenance-blocks/", block),
        ("/api/admin/channel-mappings/", mapping),
    ):
        first, second = send(api, body, path, path), send(api, body, path, path)
        assert (first.status_code, second.status_code) == (201, 201), first.json()
        assert second.json() == first.json()

    assert (Reservation.objects.count(), MaintenanceBlock.objects.count()) == (2, 1)
    assert ChannelMapping.objects.filter(mapping_type=MappingType.PROPERTY).count() == 1


def test_a_large_answer_is_not_kept_and_not_made_twice(
    api: APIClient, double: RoomType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("channel_sync.api.idempotency.LARGEST_BODY", 10)
    send(api, wanted(double), "a")

    again = send(api, wanted(double), "a")

    assert (again.status_code, code_of(again)) == (409, "answer_not_kept")
    assert Reservation.objects.count() == 1


def test_answers_are_kept_for_a_day(api: APIClient, double: RoomType) -> None:
    send(api, wanted(double), "a")
    StoredAnswer.objects.update(created_at=Now() - timedelta(hours=25))

    assert "Idempotent-Replayed" not in send(api, wanted(double), "a").headers
    StoredAnswer.objects.update(created_at=Now() - timedelta(hours=25))
    call_command("channel_sync_retention")
    assert not StoredAnswer.objects.exists()


def test_a_run_has_an_id_before_a_worker_takes_it(
    api_of: Callable[[Role | None], APIClient], channel_property: ChannelProperty, topology_at_broker: None
) -> None:
    body = {"channel_property_id": str(channel_property.id), "kind": "rates", "dry_run": True}
    operator, path = api_of(Role.OPERATOR), "/api/admin/reconciliation-runs/"

    started = send(operator, body, "a", path)
    again = send(operator, body, "a", path)

    assert (started.status_code, started.json()["status"]) == (202, "queued")
    assert started["Location"].endswith(f"{path}{started.json()['id']}")
    assert (again.json(), again["Location"]) == (started.json(), started["Location"])
    run = operator.get(started["Location"]).json()
    assert (run["status"], run["dry_run"], run["compared"]) == ("queued", True, 0)


def client_of(user: Any) -> APIClient:
    """With the rights that the user has now."""
    client = APIClient()
    client.force_authenticate(get_user_model().objects.get(pk=user.pk))
    return client


def test_an_answer_is_not_given_again_to_who_has_left_the_hotel(double: RoomType) -> None:
    clerk = works_in(double.hotel)
    works_in(HotelFactory())
    clerk.user_permissions.set(Permission.objects.filter(content_type__app_label="pms").exclude(codename="all_hotels"))
    block = {"room": str(RoomFactory(room_type=double).id), "start": str(START), "end": str(START + timedelta(days=1))}
    plan = RatePlanFactory(room_type=double)
    rates = [{"rate_plan": str(plan.id), "start": block["start"], "end": block["end"], "price": "90.00"}]
    requests: list[tuple[str, Any]] = [
        (RESERVATIONS, wanted(double)),
        (f"{RESERVATIONS}group/", [wanted(double), wanted(double)]),
        ("/api/maintenance-blocks/", block),
        ("/api/rates/", rates),
    ]
    for path, body in requests:
        first, again = (send(client_of(clerk), body, path, path) for _ in range(2))
        assert (first.status_code, again.status_code) == (201, 201), (path, first.json())
    # What is deleted meanwhile changes nothing about whose it was.
    MaintenanceBlock.objects.all().delete()
    assert send(client_of(clerk), block, "/api/maintenance-blocks/", "/api/maintenance-blocks/").status_code == 201

    HotelMembership.objects.filter(hotel=double.hotel).delete()

    for path, body in requests:
        refused = send(client_of(clerk), body, path, path)
        assert (refused.status_code, "Hopper" in refused.content.decode()) == (404, False), path
        assert "Location" not in refused.headers


@pytest.mark.parametrize(
    ("left", "status"), [pytest.param(None, 404, id="no role"), pytest.param(Role.VIEWER, 403, id="too low a role")]
)
def test_an_answer_is_not_given_again_to_who_has_lost_the_role(
    channel_property: ChannelProperty, topology_at_broker: None, left: Role | None, status: int
) -> None:
    administrator = works_in(channel_property.property, Role.ADMINISTRATOR)
    works_in(HotelFactory(), Role.ADMINISTRATOR)
    mapping = {
        "channel_property_id": str(channel_property.id), "mapping_type": "property",
        "internal_id": str(channel_property.property_id), "external_id": "1001",
    }  # fmt: skip
    run = {"channel_property_id": str(channel_property.id), "kind": "rates", "dry_run": True}
    requests: tuple[tuple[str, Any], ...] = (
        ("/api/admin/channel-mappings/", mapping),
        ("/api/admin/reconciliation-runs/", run),
        ("/api/admin/events/batch-retry/", {"filter": {"all": True}}),
    )
    for path, body in requests:
        first, again = (send(client_of(administrator), body, path, path) for _ in range(2))
        assert first.status_code in (200, 201, 202), first.json()
        assert again["Idempotent-Replayed"] == "true"

    PropertyRole.objects.filter(property=channel_property.property_id).delete()
    if left is None:
        HotelMembership.objects.filter(hotel=channel_property.property_id).delete()
    else:
        works_in(channel_property.property, left)

    for path, body in requests:
        refused = send(client_of(administrator), body, path, path)
        assert (refused.status_code, "Location" in refused.headers) == (status, False), path


def test_an_answer_that_does_not_say_whose_it_is_is_not_given_again(api: APIClient, double: RoomType) -> None:
    """Of an earlier version."""
    send(api, wanted(double), "a")
    StoredAnswer.objects.update(properties=None)

    again = send(api, wanted(double), "a")

    assert (again.status_code, code_of(again)) == (409, "answer_not_kept")
