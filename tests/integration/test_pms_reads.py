"""What a frontend reads of the host: hotels, rate plans, rates by night, and reservations by what a guest says."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from rest_framework.test import APIClient

from pms_project.pms.models import ReservationStatus
from tests.factories import (
    ChannelPropertyFactory,
    DailyRateFactory,
    GuestFactory,
    HotelFactory,
    RatePlanFactory,
    ReservationFactory,
    ReservationLinkFactory,
    RoomTypeFactory,
)
from tests.staff import works_in

pytestmark = pytest.mark.django_db

START = date(2027, 3, 1)


@pytest.fixture
def api() -> APIClient:
    client = APIClient()
    client.force_authenticate(get_user_model().objects.create_superuser("clerk"))
    return client


def nights_from(first: date, number: int) -> list[date]:
    return [first + timedelta(days=day) for day in range(number)]


def rows(api: APIClient, path: str, **query: Any) -> list[dict[str, Any]]:
    answer = api.get(path, query)
    assert answer.status_code == 200, answer.content
    found: list[dict[str, Any]] = answer.json()["results"]
    return found


def test_hotels_are_listed_and_shown(api: APIClient) -> None:
    hotel = HotelFactory(name="Alma", time_zone="Europe/Berlin", currency="EUR")
    HotelFactory(name="Bravissimo")

    expected = {"id": str(hotel.id), "name": "Alma", "time_zone": "Europe/Berlin", "currency": "EUR"}
    assert [row["name"] for row in rows(api, "/api/hotels/")] == ["Alma", "Bravissimo"]
    assert rows(api, "/api/hotels/", name="alm") == [expected]
    assert api.get(f"/api/hotels/{hotel.id}/").json() == expected


def test_rate_plans_are_found_by_hotel_and_by_room_type(api: APIClient) -> None:
    plan = RatePlanFactory(name="Flex")
    RatePlanFactory()

    expected = {
        "id": str(plan.id), "hotel": str(plan.room_type.hotel_id), "room_type": str(plan.room_type_id), "name": "Flex",
    }  # fmt: skip
    assert rows(api, "/api/rate-plans/", hotel=plan.room_type.hotel_id) == [expected]
    assert rows(api, "/api/rate-plans/", room_type=plan.room_type_id) == [expected]
    assert api.get(f"/api/rate-plans/{plan.id}/").json() == expected


def test_rates_are_read_by_plan_and_nights(api: APIClient) -> None:
    plan = RatePlanFactory()
    for night in nights_from(START, 5):
        DailyRateFactory(rate_plan=plan, night=night, price=Decimal("99.50"), min_stay=2)
    DailyRateFactory(night=START)

    found = rows(api, "/api/rates/", rate_plan=plan.id, start="2027-03-02", end="2027-03-04")

    assert [row["night"] for row in found] == ["2027-03-02", "2027-03-03"]
    assert (found[0]["price"], found[0]["min_stay"], found[0]["stop_sell"]) == ("99.50", 2, False)
    assert len(rows(api, "/api/rates/", room_type=plan.room_type_id)) == 5
    assert len(rows(api, "/api/rates/", hotel=plan.room_type.hotel_id)) == 5
    assert api.get(f"/api/rates/{found[0]['id']}/").json() == found[0]


def test_a_year_of_rates_is_one_page(api: APIClient) -> None:
    plan = RatePlanFactory()
    for night in nights_from(START, 366):
        DailyRateFactory(rate_plan=plan, night=night)

    assert len(rows(api, "/api/rates/", rate_plan=plan.id, limit=1000)) == 366


def test_who_works_in_one_hotel_reads_nothing_of_another() -> None:
    own, other = DailyRateFactory(), DailyRateFactory()
    hotel = own.rate_plan.room_type.hotel
    user = works_in(hotel)
    user.user_permissions.set(Permission.objects.filter(codename__startswith="view_", content_type__app_label="pms"))
    client = APIClient()
    client.force_authenticate(user)

    assert [row["id"] for row in rows(client, "/api/hotels/")] == [str(hotel.id)]
    assert [row["id"] for row in rows(client, "/api/rate-plans/")] == [str(own.rate_plan_id)]
    assert [row["id"] for row in rows(client, "/api/rates/")] == [own.id]
    for path in (
        f"/api/hotels/{other.rate_plan.room_type.hotel_id}/",
        f"/api/rate-plans/{other.rate_plan_id}/",
        f"/api/rates/{other.id}/",
    ):
        assert client.get(path).status_code == 404
    assert client.get("/api/rates/", {"rate_plan": other.rate_plan_id}).status_code == 400


def test_reservations_are_found_by_their_nights(api: APIClient) -> None:
    """A stay touches the nights from `start` up to but without `end`; its check-out day is no night."""
    before = ReservationFactory(check_in=START - timedelta(days=2), check_out=START)
    over = ReservationFactory(check_in=START - timedelta(days=1), check_out=START + timedelta(days=1))
    within = ReservationFactory(check_in=START, check_out=START + timedelta(days=1))
    after = ReservationFactory(check_in=START + timedelta(days=2), check_out=START + timedelta(days=3))

    def found(**query: Any) -> list[str]:
        return [row["id"] for row in rows(api, "/api/reservations/", **query)]

    assert found(start=START, end=START + timedelta(days=2)) == [str(over.id), str(within.id)]
    assert found(start=START + timedelta(days=1)) == [str(after.id)]
    assert found(end=START) == [str(before.id), str(over.id)]
    assert found(arrival_from=START, arrival_to=START + timedelta(days=1)) == [str(within.id)]
    assert found(check_out=START) == [str(before.id)]


def test_a_range_of_nights_that_ends_before_it_begins_is_refused(api: APIClient) -> None:
    answer = api.get("/api/reservations/", {"start": START, "end": START})

    assert answer.status_code == 400
    assert [(error["attr"], error["code"]) for error in answer.json()["errors"]] == [("end", "invalid")]


@pytest.mark.parametrize(
    "said",
    ["hopp", "HOPPER", "Grace", "grace ho", "hopper, grace", "Hopper Gr", "grace@example.org", "GRACE@"],
)
def test_reservations_are_found_by_their_guest(api: APIClient, said: str) -> None:
    wanted = ReservationFactory(guest=GuestFactory(first_name="Grace", last_name="Hopper", email="grace@example.org"))
    ReservationFactory(guest=GuestFactory(first_name="Ada", last_name="Lovelace", email="ada@example.org"))

    assert [row["id"] for row in rows(api, "/api/reservations/", guest=said)] == [str(wanted.id)]


@pytest.mark.parametrize("said", ["%", "_race", "opper", "example.org", "\\"])
def test_no_guest_is_found_by_the_middle_of_a_name_or_by_a_pattern(api: APIClient, said: str) -> None:
    ReservationFactory(guest=GuestFactory(first_name="Grace", last_name="Hopper", email="grace@example.org"))

    assert rows(api, "/api/reservations/", guest=said) == []


def test_names_that_are_not_english_are_found_whatever_their_case(api: APIClient) -> None:
    wanted = ReservationFactory(guest=GuestFactory(first_name="Jörg", last_name="Özdemir", email=""))

    assert [row["id"] for row in rows(api, "/api/reservations/", guest="özde")] == [str(wanted.id)]


def test_reservations_are_found_by_the_numbers_of_ota_and_channel(api: APIClient) -> None:
    wanted = ReservationFactory(channel_reference="BDC-1234567")
    ReservationFactory(channel_reference="BDC-7654321")
    channel_property = ChannelPropertyFactory(property=wanted.hotel)
    ReservationLinkFactory(channel_property=channel_property, external_id="80091", reservation_id=wanted.id)

    assert [row["id"] for row in rows(api, "/api/reservations/", channel_reference="BDC-1234567")] == [str(wanted.id)]
    assert [row["id"] for row in rows(api, "/api/reservations/", booking="80091")] == [str(wanted.id)]
    assert rows(api, "/api/reservations/", booking="8009") == []


def test_reservations_of_several_states(api: APIClient) -> None:
    states = (ReservationStatus.CONFIRMED, ReservationStatus.FAILED, ReservationStatus.CANCELLED)
    made = {status.value: ReservationFactory(status=status) for status in states}

    found = rows(api, "/api/reservations/", status="FAILED,CANCELLED")

    assert {row["id"] for row in found} == {str(made[status].id) for status in ("FAILED", "CANCELLED")}
    assert api.get("/api/reservations/", {"status": "LOST"}).status_code == 400


def test_reservations_are_sorted_as_asked(api: APIClient) -> None:
    room_type = RoomTypeFactory()
    long = ReservationFactory(room_type=room_type, check_in=START, check_out=START + timedelta(days=9))
    short = ReservationFactory(
        room_type=room_type, check_in=START + timedelta(days=1), check_out=START + timedelta(days=2)
    )

    def order(**query: str) -> list[str]:
        return [row["id"] for row in rows(api, "/api/reservations/", **query)]

    assert order() == [str(long.id), str(short.id)]
    assert order(order="desc") == [str(short.id), str(long.id)]
    assert order(sort="check_out") == [str(short.id), str(long.id)]
    assert order(sort="created_at", order="desc") == [str(short.id), str(long.id)]
    assert api.get("/api/reservations/", {"sort": "price"}).status_code == 400


def test_pages_of_the_host_are_those_of_the_rest_of_the_api(api: APIClient) -> None:
    for night in nights_from(START, 3):
        DailyRateFactory(night=night)

    answer = api.get("/api/rates/", {"limit": 2, "page": 2}).json()

    assert len(answer["results"]) == 1
    assert answer["pagination"] == {
        "page": 2, "limit": 2, "total": 3, "total_is_estimate": False, "totalPages": 2,
    }  # fmt: skip
