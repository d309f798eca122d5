"""Danger: any login, whatever it is for, reads the names of all guests from the API of the PMS."""

from __future__ import annotations

import json

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from rest_framework.test import APIClient

from tests.factories import MaintenanceBlockFactory, ReservationFactory, RoomFactory, RoomTypeFactory
from tests.staff import works_everywhere

pytestmark = pytest.mark.django_db

LISTS = {
    "reservations": "reservation",
    "maintenance-blocks": "maintenanceblock",
    "room-types": "roomtype",
    "rooms": "room",
}


def login(*codenames: str) -> APIClient:
    user = get_user_model().objects.create_user("clerk")
    user.user_permissions.set(Permission.objects.filter(content_type__app_label="pms", codename__in=codenames))
    client = APIClient()
    client.force_login(works_everywhere(user))
    return client


def addresses() -> list[str]:
    """Every address that answers GET, with a row behind each."""
    room = RoomFactory(room_type=RoomTypeFactory())
    rows = {
        "reservations": ReservationFactory(room_type=room.room_type, guest__last_name="Lovelace"),
        "maintenance-blocks": MaintenanceBlockFactory(room=room),
        "room-types": room.room_type,
        "rooms": room,
    }
    nights = f"/api/room-types/{room.room_type.pk}/availability/?start=2027-03-01&end=2027-03-02"
    return [*(f"/api/{name}/" for name in rows), *(f"/api/{name}/{row.pk}/" for name, row in rows.items()), nights]


@pytest.mark.parametrize("method", ["get", "head", "options"])
def test_a_login_without_permissions_reads_nothing(method: str) -> None:
    client = login()

    for address in addresses():
        answer = getattr(client, method)(address)
        assert answer.status_code == 403, address
        assert b"Lovelace" not in answer.content


@pytest.mark.parametrize("method", ["get", "options"])
def test_permission_to_view_one_thing_opens_nothing_else(method: str) -> None:
    client = login("view_roomtype")

    opened = [address for address in addresses() if getattr(client, method)(address).status_code == 200]

    assert opened
    assert all(address.startswith("/api/room-types/") for address in opened)


@pytest.mark.parametrize("name", sorted(LISTS))
def test_permission_to_view_is_enough_to_read(name: str) -> None:
    client = login(f"view_{LISTS[name]}")

    for address in addresses():
        if address.startswith(f"/api/{name}/"):
            assert client.get(address).status_code == 200, address
            assert client.options(address).status_code == 200, address


def test_rates_describe_themselves_only_to_those_who_may_view_them() -> None:
    client = login("add_reservation")

    assert client.options("/api/rates/").status_code == 403
    assert client.get("/api/rates/").status_code == 403


def test_a_description_names_no_room_type_and_no_guest() -> None:
    ReservationFactory(room_type__name="Honeymoon Suite", guest__last_name="Lovelace")

    described = login("view_reservation", "add_reservation").options("/api/reservations/")

    assert described.status_code == 200
    assert "Honeymoon Suite" not in json.dumps(described.json())
    assert "Lovelace" not in json.dumps(described.json())
