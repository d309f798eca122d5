"""The desk took an arrival in the year 1 and a negative price; OTAs' bookings come in whatever its limits are."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from rest_framework.test import APIClient

from channel_sync.channels.canonical import LONGEST_STAY, Booking, BookingStatus
from channel_sync.errors import InvalidStay
from channel_sync.host import TakenStay, sell
from channel_sync.pms import host_pms
from pms_project.pms.models import DailyRate, MaintenanceBlock, Reservation, RoomType
from pms_project.pms.services.errors import NotWithinLimits
from pms_project.pms.services.rates import RateChange, set_rates
from pms_project.pms.services.reservations import NewReservation, change_reservation, create_group, create_reservation
from tests.factories import DailyRateFactory, RatePlanFactory, ReservationFactory, RoomFactory, RoomTypeFactory

pytestmark = pytest.mark.django_db

TODAY = date.today()
START = TODAY + timedelta(days=30)


@pytest.fixture
def api() -> APIClient:
    client = APIClient()
    client.force_authenticate(get_user_model().objects.create_superuser("clerk"))
    return client


def refused_fields(answer: Any) -> dict[str, str]:
    """What is said of each field; of the guest's fields together."""
    return {str(one["attr"]).partition(".")[0]: one["detail"] for one in answer.data["errors"]}


@pytest.fixture
def double() -> RoomType:
    room_type: RoomType = RoomTypeFactory(units=5)
    return room_type


def wanted(double: RoomType, **changes: Any) -> dict[str, Any]:
    return {"room_type": str(double.id), "check_in": str(START), "check_out": str(START + timedelta(days=2)), **changes}


@pytest.mark.parametrize(
    ("field", "changes", "limit"),
    [
        ("check_in", {"check_in": "0001-01-01", "check_out": "0001-01-03"}, f"{TODAY - timedelta(days=1)}"),
        ("check_in", {"check_in": str(TODAY - timedelta(days=3))}, "A reservation cannot begin before"),
        ("check_in", {"check_in": "9998-01-01", "check_out": "9998-01-03"}, "3 years ahead"),
        ("check_out", {"check_out": str(START + timedelta(days=1001))}, "at most 1,000 nights"),
        ("check_out", {"check_out": str(START)}, "after the check-in"),
        ("price", {"price": "-0.01"}, "0"),
        ("price", {"price": "10000000000.00"}, "12 digits"),
        ("adults", {"adults": 0}, "1"),
        ("adults", {"adults": 1001}, "1000"),
        ("children", {"children": -1}, "0"),
        ("units", {"units": 0}, "1"),
        ("notes", {"notes": "x" * 10_001}, "10000"),
        ("guest", {"guest": {"last_name": "x" * 201}}, "200"),
    ],
)
def test_the_api_names_the_field_and_its_limit(
    api: APIClient, double: RoomType, field: str, changes: dict[str, Any], limit: str
) -> None:
    answer = api.post("/api/reservations/", wanted(double, **changes), format="json")

    assert answer.status_code == 400, answer.data
    assert limit in refused_fields(answer)[field]
    assert not Reservation.objects.exists()


@pytest.mark.parametrize(
    ("field", "changes"),
    [
        ("check_in", {"check_in": date.min, "check_out": date(1, 1, 3)}),
        ("check_in", {"check_in": TODAY + timedelta(days=1200), "check_out": TODAY + timedelta(days=1201)}),
        ("check_out", {"check_out": date.max}),
        ("price", {"price": Decimal(-1)}),
        ("price", {"price": Decimal("NaN")}),
        ("price", {"price": Decimal("1.005")}),
        ("price", {"price": Decimal(10) ** 10}),
        ("adults", {"adults": 0}),
        ("units", {"units": 0}),
        ("units", {"units": 1001}),
        ("notes", {"notes": "x" * 10_001}),
        ("guest", {"guest": {"email": "x" * 321}}),
    ],
)
def test_the_services_have_the_same_limits(double: RoomType, field: str, changes: dict[str, Any]) -> None:
    whole = {"room_type_id": double.id, "check_in": START, "check_out": START + timedelta(days=2), **changes}

    for create in (create_reservation, lambda one: create_group([one])):
        with pytest.raises(NotWithinLimits) as refused:
            create(NewReservation(**whole))
        assert refused.value.field == field
    assert not Reservation.objects.exists()


def test_yesterday_s_arrival_can_still_be_entered(double: RoomType) -> None:
    yesterday = TODAY - timedelta(days=1)

    assert create_reservation(NewReservation(double.id, yesterday, TODAY + timedelta(days=1))).check_in == yesterday


def test_only_what_changes_is_looked_at(api: APIClient, double: RoomType) -> None:
    """A guest who arrived weeks ago, and an OTA's price below zero, do not keep the desk from what else it changes."""
    here = ReservationFactory(
        room_type=double, check_in=TODAY - timedelta(days=30), check_out=TODAY + timedelta(days=1),
        price=Decimal(-5), adults=0,
    )  # fmt: skip

    changed = change_reservation(here.id, {"check_out": TODAY + timedelta(days=3), "price": Decimal(-5), "adults": 0})

    assert changed.check_out == TODAY + timedelta(days=3)
    for field, value in (("price", Decimal(-6)), ("check_in", date(1, 1, 1)), ("check_in", TODAY - timedelta(days=31))):
        with pytest.raises(NotWithinLimits) as refused:
            change_reservation(here.id, {field: value})
        assert refused.value.field == field
    answer = api.patch(f"/api/reservations/{here.id}/", {"price": "-7"}, format="json", headers={"If-Match": '"2"'})
    assert answer.status_code == 400
    assert "price" in refused_fields(answer)
    body = wanted(double, check_in=str(here.check_in), check_out=str(TODAY + timedelta(days=4)))
    whole = api.put(f"/api/reservations/{here.id}/", body, format="json", headers={"If-Match": '"2"'})
    assert (whole.status_code, whole.data["adults"], whole.data["price"]) == (200, 0, "-5.00")


def test_bookings_of_otas_come_in_whatever_the_desk_may_enter(double: RoomType) -> None:
    booking = Booking(
        status=BookingStatus.CONFIRMED, external_id="5000001", external_room_id="2001", adults=0,
        check_in=TODAY - timedelta(days=400), check_out=TODAY + timedelta(days=1500), price=Decimal("-12.50"),
        notes="x" * 20_000,
    )  # fmt: skip

    (made,) = host_pms().create_reservations(double.hotel_id, [(double.id, booking)])
    host_pms().modify_reservation(made, double.id, booking.model_copy(update={"price": Decimal(-20)}))

    stored = Reservation.objects.get(id=made)
    assert (stored.price, stored.adults, stored.check_out) == (Decimal(-20), 0, booking.check_out)


def test_sell_refuses_a_stay_whose_nights_nobody_would_count(double: RoomType) -> None:
    with (
        pytest.raises(InvalidStay, match=f"{LONGEST_STAY.days:,} nights"),
        sell(TakenStay(double.id, START, date.max, 1)),
    ):
        pass


def test_rates_and_blocks_are_within_reason(api: APIClient, double: RoomType) -> None:
    plan, room = RatePlanFactory(room_type=double), RoomFactory(room_type=double)
    ends = START + timedelta(days=1)
    change = {"rate_plan": str(plan.id), "start": str(START), "end": str(ends), "price": "100"}
    refused = (
        ("/api/rates/", [{**change, "start": "0001-01-01", "end": "0001-01-02"}]),
        ("/api/rates/", [{**change, "start": "9998-01-01", "end": "9998-01-02"}]),
        ("/api/rates/", [{**change, "min_stay": 3, "max_stay": 2}]),
        ("/api/maintenance-blocks/", {"room": str(room.id), "start": "0001-01-01", "end": "0001-01-02"}),
        ("/api/maintenance-blocks/", {"room": str(room.id), "start": str(START), "end": "9999-12-31"}),
    )

    for address, body in refused:
        assert api.post(address, body, format="json").status_code == 400, body
    for price in (Decimal(-1), Decimal(10) ** 8, Decimal("NaN")):
        with pytest.raises(NotWithinLimits, match="price"):
            set_rates([RateChange(plan.id, START, ends, price=price)])
    assert not DailyRate.objects.exists()
    assert not MaintenanceBlock.objects.exists()


def test_the_admin_has_the_same_limits(client: Client, double: RoomType) -> None:
    client.force_login(get_user_model().objects.create_superuser("manager"))
    reservation, rate = ReservationFactory(room_type=double), DailyRateFactory(rate_plan__room_type=double)
    form = {
        "guest": str(reservation.guest_id), "phase": "", "source": "PMS", "group_reference": "",
        "channel_reference": "", "adults": "1", "children": "0", "price": "-1", "currency": "EUR", "notes": "",
        "version": str(reservation.version),
    }  # fmt: skip
    night = {"rate_plan": str(rate.rate_plan_id), "night": "0001-01-01", "price": "-5", "min_stay": "1"}

    refused = client.post(f"/admin/pms/reservation/{reservation.id}/change/", form)
    refused_rate = client.post("/admin/pms/dailyrate/add/", {**night, "max_stay": "2"})

    assert "cannot be below 0" in refused.content.decode()
    assert "cannot be below 0" in refused_rate.content.decode()
    assert DailyRate.objects.count() == 1
    reservation.refresh_from_db()
    assert reservation.price == Decimal("240.00")
