"""The API of the host PMS."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.db import transaction
from django.test import Client
from rest_framework.test import APIClient

from channel_sync.channels.canonical import Booking
from channel_sync.channels.canonical import Guest as BookingGuest
from channel_sync.pms import host_pms
from pms_project.pms.models import Reservation, ReservationStatus, RoomType, StaleReservation
from tests.factories import (
    ChannelConnectionFactory,
    GuestFactory,
    RatePlanFactory,
    ReservationFactory,
    RoomFactory,
    RoomTypeFactory,
    RoomTypeMappingFactory,
)
from tests.staff import works_in

pytestmark = pytest.mark.django_db

START = date.today() + timedelta(days=30)


@pytest.fixture
def api() -> APIClient:
    client = APIClient()
    client.force_authenticate(get_user_model().objects.create_superuser("clerk"))
    return client


@pytest.fixture
def double() -> RoomType:
    room_type: RoomType = RoomTypeFactory(units=2)
    return room_type


def wanted(double: RoomType, **changes: Any) -> dict[str, Any]:
    return {
        "room_type": str(double.id),
        "check_in": str(START),
        "check_out": str(START + timedelta(days=2)),
        "price": "240.00",
        "guest": {"first_name": "Grace", "last_name": "Hopper"},
        **changes,
    }


def test_nobody_gets_in_without_a_login(double: RoomType) -> None:
    assert APIClient().get("/api/reservations/").status_code == 401


def test_a_login_without_permissions_changes_nothing(double: RoomType) -> None:
    client = APIClient()
    client.force_authenticate(get_user_model().objects.create_user("guest"))

    assert client.post("/api/reservations/", wanted(double), format="json").status_code == 403


def test_a_reservation_that_no_channel_sells_is_confirmed_at_once(api: APIClient, double: RoomType) -> None:
    answer = api.post("/api/reservations/", wanted(double), format="json")

    assert answer.status_code == 201
    assert answer.data["status"] == ReservationStatus.CONFIRMED
    assert answer.data["guest"]["last_name"] == "Hopper"


def test_a_reservation_that_a_channel_sells_waits_for_it(api: APIClient, double: RoomType) -> None:
    channel_property = ChannelConnectionFactory(channel_property__property=double.hotel).channel_property
    RoomTypeMappingFactory(channel_property=channel_property, internal_id=double.id)

    answer = api.post("/api/reservations/", wanted(double), format="json")

    assert answer.data["status"] == ReservationStatus.PENDING_SYNC


def test_a_full_night_is_a_conflict_that_says_what_is_free(api: APIClient, double: RoomType) -> None:
    ReservationFactory(room_type=double, check_in=START, check_out=START + timedelta(days=1), units=1)

    answer = api.post("/api/reservations/", wanted(double, units=2), format="json")

    assert answer.status_code == 409
    assert answer.data["errors"][0]["code"] == "not_enough_rooms"
    assert "1 rooms are free" in answer.data["errors"][0]["detail"]
    assert Reservation.objects.count() == 1


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"check_out": str(START)}, "check_out"),
        ({"check_out": str(START + timedelta(days=1001))}, "check_out"),
        ({"check_in": "tomorrow"}, "check_in"),
        ({"units": 0}, "units"),
        ({"room_type": "00000000-0000-0000-0000-000000000000"}, "room_type"),
    ],
)
def test_wrong_input_names_its_field(api: APIClient, double: RoomType, change: dict[str, Any], field: str) -> None:
    answer = api.post("/api/reservations/", wanted(double, **change), format="json")

    assert answer.status_code == 400
    assert field in {error["attr"] for error in answer.data["errors"]}


def test_a_change_counts_the_version_up(api: APIClient, double: RoomType) -> None:
    made = api.post("/api/reservations/", wanted(double), format="json").data

    changed = api.patch(
        f"/api/reservations/{made['id']}/",
        {"check_out": str(START + timedelta(days=5)), "guest": {"first_name": "Rear Admiral"}},
        format="json",
        headers={"If-Match": f'"{made["version"]}"'},
    )

    assert changed.status_code == 200
    assert changed.data["version"] == made["version"] + 1
    assert changed.data["guest"] == made["guest"] | {"first_name": "Rear Admiral"}


def test_a_guest_of_two_hotels_is_changed_in_one_of_them_alone(double: RoomType) -> None:
    stay = ReservationFactory(room_type=double, guest=GuestFactory(last_name="Hopper"))
    same_hotel = ReservationFactory(room_type=double, guest=stay.guest)
    elsewhere = ReservationFactory(room_type=RoomTypeFactory(), guest=stay.guest)
    clerk = works_in(double.hotel)
    clerk.user_permissions.set(Permission.objects.filter(content_type__app_label="pms").exclude(codename="all_hotels"))
    client = APIClient()
    client.force_authenticate(clerk)

    answer = client.patch(
        f"/api/reservations/{stay.pk}/", {"guest": {"last_name": "Murray"}, "version": 1}, format="json"
    )

    assert (answer.status_code, answer.json()["guest"]["last_name"]) == (200, "Murray")
    names = [Reservation.objects.get(pk=one.pk).guest.last_name for one in (stay, same_hotel, elsewhere)]
    assert names == ["Murray", "Hopper", "Hopper"]
    assert Reservation.objects.get(pk=stay.pk).guest.email == stay.guest.email


def test_a_guest_of_one_hotel_is_changed_in_all_its_stays(api: APIClient, double: RoomType) -> None:
    stay = ReservationFactory(room_type=double)
    again = ReservationFactory(room_type=double, guest=stay.guest)

    api.patch(f"/api/reservations/{stay.pk}/", {"guest": {"last_name": "Murray"}, "version": 1}, format="json")

    assert Reservation.objects.get(pk=again.pk).guest.last_name == "Murray"


def test_a_channel_changes_a_guest_of_two_hotels_in_one_of_them_alone(double: RoomType) -> None:
    stay = ReservationFactory(room_type=double)
    elsewhere = ReservationFactory(room_type=RoomTypeFactory(), guest=stay.guest)
    described = host_pms().reservation(stay.pk)
    assert described is not None
    said = {
        name: getattr(described, name) for name in ("check_in", "check_out", "units", "adults", "children", "price")
    }

    def change(last_name: str) -> Reservation:
        guest = BookingGuest(first_name="Grace", last_name=last_name, email="grace@example.org")
        booking = Booking(external_id="1", external_room_id="2001", status="confirmed", guest=guest, **said)
        with transaction.atomic():
            host_pms().modify_reservation(stay.pk, double.pk, booking)
        found: Reservation = Reservation.objects.get(pk=stay.pk)
        return found

    assert change("Hopper").guest_id == elsewhere.guest_id
    assert change("Murray").guest.last_name == "Murray"
    assert Reservation.objects.get(pk=elsewhere.pk).guest.last_name == "Hopper"


def test_a_change_onto_a_full_night_is_a_conflict_and_changes_nothing(api: APIClient, double: RoomType) -> None:
    later = START + timedelta(days=2)
    ReservationFactory(room_type=double, check_in=later, check_out=later + timedelta(days=1), units=2)
    made = api.post("/api/reservations/", wanted(double), format="json").data

    change = {"check_out": str(later + timedelta(days=1)), "version": made["version"]}
    answer = api.patch(f"/api/reservations/{made['id']}/", change, format="json")

    assert answer.status_code == 409
    assert str(Reservation.objects.get(id=made["id"]).check_out) == made["check_out"]


def test_cancelling_twice_is_the_same_as_once(api: APIClient, double: RoomType) -> None:
    made = api.post("/api/reservations/", wanted(double), format="json").data

    for _ in range(2):
        answer = api.post(f"/api/reservations/{made['id']}/cancel/")
        assert (answer.status_code, answer.data["status"]) == (200, ReservationStatus.CANCELLED)
    assert answer.data["version"] == made["version"] + 1


def test_a_cancelled_reservation_is_not_changed(api: APIClient, double: RoomType) -> None:
    made = ReservationFactory(room_type=double, status=ReservationStatus.CANCELLED)

    assert api.patch(f"/api/reservations/{made.id}/", {"adults": 3, "version": 1}, format="json").status_code == 409


def test_a_change_names_the_version_it_is_based_on(api: APIClient, double: RoomType) -> None:
    made = api.post("/api/reservations/", wanted(double), format="json")
    address = f"/api/reservations/{made.data['id']}/"
    assert made["ETag"] == api.get(address)["ETag"] == '"1"'

    silent = api.patch(address, {"adults": 3}, format="json")
    garbled = api.patch(address, {"adults": 3}, format="json", headers={"If-Match": '"last"'})
    whichever = api.patch(address, {"adults": 3}, format="json", headers={"If-Match": "*"})

    assert (silent.status_code, garbled.status_code, whichever.status_code) == (428, 400, 200)
    assert whichever["ETag"] == '"2"'


@pytest.mark.parametrize("way", ["header", "body"])
def test_a_stale_change_is_answered_with_the_present_state(api: APIClient, double: RoomType, way: str) -> None:
    made = api.post("/api/reservations/", wanted(double), format="json").data
    address = f"/api/reservations/{made['id']}/"
    api.patch(address, {"adults": 3, "version": 1}, format="json")

    if way == "header":
        answer = api.patch(address, {"adults": 4}, format="json", headers={"If-Match": '"1"'})
    else:
        answer = api.patch(address, {"adults": 4, "version": 1}, format="json")

    assert (answer.status_code, answer.data["errors"][0]["code"], answer["ETag"]) == (409, "stale_reservation", '"2"')
    assert (answer.data["current"]["adults"], answer.data["current"]["version"]) == (3, 2)
    assert Reservation.objects.get().adults == 3


def test_a_stale_cancellation_is_refused_where_it_names_a_version(api: APIClient, double: RoomType) -> None:
    made = api.post("/api/reservations/", wanted(double), format="json").data
    address = f"/api/reservations/{made['id']}/"
    api.patch(address, {"adults": 3, "version": 1}, format="json")

    assert api.post(f"{address}cancel/", {"version": 1}, format="json").status_code == 409
    assert api.post(f"{address}cancel/", headers={"If-Match": '"2"'}).data["status"] == ReservationStatus.CANCELLED


def test_the_desk_marks_where_a_guest_is(api: APIClient, double: RoomType) -> None:
    made = ReservationFactory(room_type=double, check_in=START, check_out=START + timedelta(days=3))
    address = f"/api/reservations/{made.id}/"

    for action, phase in (("no-show", "NO_SHOW"), ("check-in", "IN_HOUSE"), ("check-in", "IN_HOUSE")):
        assert api.post(f"{address}{action}/").data["phase"] == phase
    left = api.post(f"{address}check-out/", headers={"If-Match": '"3"'})

    assert (left.data["phase"], left["ETag"]) == ("DEPARTED", '"4"')
    assert (left.data["check_in"], left.data["check_out"]) == (str(START), str(START + timedelta(days=3)))


@pytest.mark.parametrize(
    ("status", "action"),
    [(ReservationStatus.CANCELLED, "check-in"), (ReservationStatus.BLOCKED, "no-show"), ("CONFIRMED", "check-out")],
)
def test_a_guest_who_cannot_be_there_is_not_marked(api: APIClient, double: RoomType, status: str, action: str) -> None:
    made = ReservationFactory(room_type=double, status=status)

    answer = api.post(f"/api/reservations/{made.id}/{action}/")

    assert (answer.status_code, answer.data["errors"][0]["code"]) == (409, "wrong_phase")
    assert Reservation.objects.get().phase == ""


def test_a_mark_is_not_set_with_the_rest_or_over_a_newer_state(api: APIClient, double: RoomType) -> None:
    made = ReservationFactory(room_type=double)
    address = f"/api/reservations/{made.id}/"

    changed = api.patch(address, {"phase": "IN_HOUSE", "adults": 3, "version": 1}, format="json")
    stale = api.post(f"{address}check-in/", {"version": 1}, format="json")

    assert (changed.data["phase"], stale.status_code) == ("", 409)


def test_a_save_over_a_newer_state_is_refused(double: RoomType) -> None:
    first = ReservationFactory(room_type=double)
    second = Reservation.objects.get()
    second.adults = 4
    second.save(update_fields=["adults"])

    first.adults = 3
    with pytest.raises(StaleReservation, match="it has version 2 now"):
        first.save()

    assert Reservation.objects.get().adults == 4


def test_a_guest_who_leaves_earlier_is_not_refused_in_an_overbooked_house(api: APIClient, double: RoomType) -> None:
    stay = ReservationFactory(room_type=double, check_in=START, check_out=START + timedelta(days=3))
    ReservationFactory(room_type=double, check_in=START, check_out=START + timedelta(days=3), units=2)

    change = {"check_out": str(START + timedelta(days=2)), "version": 1}
    answer = api.patch(f"/api/reservations/{stay.id}/", change, format="json")

    assert answer.status_code == 200


def test_a_group_is_made_whole_or_not_at_all(api: APIClient, double: RoomType) -> None:
    single = RoomTypeFactory(hotel=double.hotel, units=1)
    rooms = [wanted(double, units=2), wanted(single)]

    made = api.post("/api/reservations/group/", rooms, format="json")
    again = api.post("/api/reservations/group/", [wanted(single), wanted(double)], format="json")

    assert (made.status_code, again.status_code) == (201, 409)
    assert len({reservation["group_reference"] for reservation in made.data}) == 1
    assert Reservation.objects.count() == 2


def test_the_admin_does_not_save_over_a_newer_state(admin_client: Client, double: RoomType) -> None:
    stay = ReservationFactory(room_type=double)
    form = {"source": "PMS", "adults": 2, "children": 0, "guest": str(stay.guest_id), "version": 1}
    address = f"/admin/pms/reservation/{stay.id}/change/"

    saved = admin_client.post(address, form)
    stale = admin_client.post(address, form | {"adults": 5})

    assert saved.status_code == 302
    assert "was changed while this page was open" in stale.content.decode()
    assert (Reservation.objects.get().adults, Reservation.objects.get().version) == (2, 2)


def test_maintenance_blocks_take_a_room(api: APIClient, double: RoomType) -> None:
    room = RoomFactory(room_type=double)
    block = {"room": str(room.id), "start": str(START), "end": str(START + timedelta(days=1))}
    assert api.post("/api/maintenance-blocks/", block, format="json").status_code == 201

    nights = api.get(
        f"/api/room-types/{double.id}/availability/", {"start": START, "end": START + timedelta(days=2)}
    ).data

    assert nights == {str(START): 1, str(START + timedelta(days=1)): 2}


def test_rates_are_set_for_ranges(api: APIClient, double: RoomType) -> None:
    plan = RatePlanFactory(room_type=double)
    change = {
        "rate_plan": str(plan.id),
        "start": str(START),
        "end": str(START + timedelta(days=10)),
        "price": "99.00",
        "stop_sell": True,
    }

    answer = api.post("/api/rates/", [change], format="json")

    assert (answer.status_code, answer.data) == (201, {"nights": 10})
    assert plan.daily_rates.filter(stop_sell=True, price=99).count() == 10


@pytest.mark.parametrize("query", [{}, {"start": "x", "end": "y"}, {"start": START, "end": START}])
def test_a_range_of_nights_is_checked(api: APIClient, double: RoomType, query: dict[str, Any]) -> None:
    assert api.get(f"/api/room-types/{double.id}/availability/", query).status_code == 400
