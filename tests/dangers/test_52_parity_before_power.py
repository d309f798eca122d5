"""A property was sent everything the moment it was connected, resumed or mapped, whatever the channel had by then."""

from __future__ import annotations

import json
import os
from collections import defaultdict
from datetime import date, timedelta
from decimal import Decimal
from io import StringIO
from types import SimpleNamespace
from typing import Any, cast

import pytest
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.db import connection
from django.test import Client as Browser
from django.urls import reverse

from channel_sync.channels.beds24.client import Client
from channel_sync.channels.beds24.simulator.booking_writes import new_booking
from channel_sync.database_lock import _lock_number
from channel_sync.errors import ReportNotAccepted
from channel_sync.events.processing import process
from channel_sync.models import (
    ChannelEvent,
    ChannelMapping,
    ChannelProperty,
    Conflict,
    ConflictKind,
    ConflictStatus,
    LeftAlone,
    MappingType,
    OldBookings,
    ParityCheck,
    ParityStatus,
    ReservationLink,
)
from channel_sync.operations.mapping_rules import WantedMapping
from channel_sync.operations.mappings import create_mapping
from channel_sync.operations.moving import AfterMove
from channel_sync.operations.parity import accept_report, compare_now, parity_of
from channel_sync.operations.properties import NewConnection, connect, pause, resume
from channel_sync.operations.roles import Role
from channel_sync.parity import settlement
from channel_sync.parity.report import ParityReport
from channel_sync.parity.tasks import check_parity
from channel_sync.reconciliation.bookings import reconcile_bookings
from channel_sync.reconciliation.runs import RunOptions, silent
from pms_project.pms.models import Reservation, RoomType
from tests.conftest import ConnectedHotel, RunningSimulator
from tests.dangers.working import NIGHT, stay, units_at_beds24, work_everything
from tests.drift import do_not_wait, plenty_of_credits
from tests.factories import (
    GuestFactory,
    HotelFactory,
    RatePlanFactory,
    ReservationFactory,
    RoomTypeFactory,
)
from tests.staff import works_everywhere

pytestmark = [pytest.mark.django_db, pytest.mark.timeout(300)]

CODE = "DEMO-INVITE-CODE"
UNITS = 90
# `make test` plays a smaller house; PARITY_BOOKINGS is how many each side has to come.
IN_HOUSE, EACH_SIDE = 40, int(os.environ.get("PARITY_BOOKINGS", "100"))
THE_SAME = EACH_SIDE // 2
ROOMS = (2001, 2002)


@pytest.fixture
def administrator(db: None) -> Browser:
    user = get_user_model().objects.create(username="ada", is_staff=True)
    works_everywhere(user, Role.ADMINISTRATOR)
    browser = Browser()
    browser.force_login(user)
    return browser


class Hotel:
    """A hotel that has sold at its channel and at its desk for months before it was connected."""

    def __init__(self, beds24: RunningSimulator) -> None:
        self.beds24 = beds24
        self.hotel = HotelFactory(currency="EUR")
        self.types: dict[int, RoomType] = {
            room: RoomTypeFactory(hotel=self.hotel, name=name, units=UNITS)
            for room, name in zip(ROOMS, ("Double Room", "Single Room"), strict=True)
        }
        self.taken: dict[tuple[int, date], int] = defaultdict(int)
        for room in ROOMS:
            beds24.simulator.state.rooms[room].qty = UNITS
            beds24.simulator.state.rooms[room].fixed_price = 100.0
        today = date.today()
        for number in range(IN_HOUSE):
            first = today - timedelta(days=1 + number)
            self._stay(number, first, today + timedelta(days=1 + number % 20), there=True, here=True)
        for number in range(IN_HOUSE, IN_HOUSE + 2 * EACH_SIDE - THE_SAME):
            first = today + timedelta(days=1 + number % 100)
            is_same = number < IN_HOUSE + THE_SAME
            is_here = is_same or number % 2 == 0
            self._stay(
                number, first, first + timedelta(days=1 + number % 5), there=is_same or not is_here, here=is_here
            )

    def _stay(self, number: int, first: date, last: date, *, there: bool, here: bool) -> None:
        room = ROOMS[number // 2 % 2]
        name = f"Guest {number}"
        if there:
            state = self.beds24.simulator.state
            made = new_booking(state) | {
                "roomId": room, "propertyId": 1001, "arrival": str(first), "departure": str(last), "lastName": name,
                "status": "confirmed", "price": 100.0, "numAdult": 2, "modifiedTime": "2026-01-01T10:00:00Z",
            }  # fmt: skip
            state.bookings[made["id"]] = made
            state.rooms[room].take(made, -1)
        if here:
            ReservationFactory(
                room_type=self.types[room], check_in=first, check_out=last, price=Decimal(100),
                guest=GuestFactory(first_name="", last_name=name, email=""),
            )  # fmt: skip
        for offset in range((last - first).days):
            self.taken[room, first + timedelta(days=offset)] += 1

    def free(self, room: int, night: date) -> int:
        return UNITS - self.taken[room, night]

    def on_sale(self) -> dict[tuple[int, date], int]:
        rooms = self.beds24.simulator.state.rooms
        days = [date.today() + timedelta(days=offset) for offset in range(120)]
        return {(room, day): rooms[room].available(day) for room in ROOMS for day in days}


@pytest.fixture
def hotel(beds24: RunningSimulator) -> Hotel:
    return Hotel(beds24)


@pytest.fixture
def watched(hotel: Hotel, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Nights that any call has put on sale beyond what is free."""
    reopened: list[Any] = []
    post = Client.post_items

    def watching(client: Client, *args: Any, **kwargs: Any) -> Any:
        before = hotel.on_sale()
        results = post(client, *args, **kwargs)
        reopened.extend(
            (night, before[night], units, hotel.free(*night))
            for night, units in hotel.on_sale().items()
            if units > max(before[night], hotel.free(*night))
        )
        return results

    monkeypatch.setattr(Client, "post_items", watching)
    return reopened


def credits_for(hotel: Hotel, channel_property: ChannelProperty) -> None:
    plenty_of_credits(
        hotel.beds24.simulator.state, cast(ConnectedHotel, SimpleNamespace(channel_property=channel_property))
    )


def calendar_posts(beds24: RunningSimulator) -> int:
    return len(beds24.posts("/inventory/rooms/calendar"))


def test_a_hotel_goes_live_through_the_wizard(
    hotel: Hotel, watched: list[Any], administrator: Browser, beds24: RunningSimulator
) -> None:
    """Guests in house, bookings on each side, half of them the same, two currencies, three plans unmapped."""
    beds24.simulator.state.properties[1001].currency = "USD"
    for name in ("Flexible", "Non-refundable", "Breakfast"):
        RatePlanFactory(room_type=hotel.types[2001], name=name)
    form = {
        "property": hotel.hotel.id, "channel_name": "beds24", "invite_code": CODE, "accept_suggestions": "on",
        "first_sync": "on",
    }  # fmt: skip
    page = administrator.post(reverse("admin:channel_sync_connect"), form)
    assert "Not live yet" in page.content.decode()
    channel_property = ChannelProperty.objects.get()
    credits_for(hotel, channel_property)

    check_parity(str(channel_property.id))
    work_beside(channel_property)

    assert calendar_posts(beds24) == 0
    report = parity_of(channel_property).report
    assert report is not None
    assert len(report.bookings.to_link) == IN_HOUSE + THE_SAME
    assert len(report.bookings.only_channel) == EACH_SIDE - THE_SAME
    assert len(report.bookings.only_pms) == EACH_SIDE - THE_SAME
    address = reverse("admin:channel_sync_parity", args=[channel_property.id])
    shown = administrator.get(address).content.decode()
    for named in ("USD at the channel, EUR in the PMS", "Flexible", "Non-refundable", "Breakfast", "only in the PMS"):
        assert named in shown

    accept = {"do": "accept", "old_bookings": OldBookings.LINK_AND_SEND}
    asked = administrator.post(address, accept)
    assert not parity_of(channel_property).is_under_way
    administrator.post(address, asked.context["fields"])
    check_parity(str(channel_property.id))
    work_everything()

    assert watched == []
    assert parity_of(channel_property).is_open
    everybody = IN_HOUSE + 2 * EACH_SIDE - THE_SAME
    assert Reservation.objects.count() == everybody
    assert ReservationLink.objects.filter(reservation__isnull=False).count() == everybody
    assert len(beds24.bookings) == everybody
    assert hotel.on_sale() == {night: hotel.free(*night) for night in hotel.on_sale()}
    reconcile_bookings(channel_property, RunOptions(wait=do_not_wait))
    left = Conflict.objects.filter(status=ConflictStatus.OPEN)
    assert not left.filter(kind=ConflictKind.MISSING_AT_CHANNEL).exists()
    assert left.count() == 0


def work_beside(channel_property: ChannelProperty) -> None:
    """What waits in the log stays there: nothing of a property that is held goes out."""
    for event in ChannelEvent.objects.filter(channel_property=channel_property, direction="outbound"):
        process(event.id)


def live(connected: ConnectedHotel) -> ParityReport:
    """Compare, and go live where the report is clean; the report."""
    check_parity(str(connected.channel_property.id))
    report = parity_of(connected.channel_property).report
    assert report is not None
    return report


@pytest.fixture
def open_hotel(connected: ConnectedHotel, beds24: RunningSimulator) -> ConnectedHotel:
    """Live: both sides say the same."""
    for room in ROOMS:
        beds24.simulator.state.rooms[room].qty = {2001: 10, 2002: 5}[room]
        beds24.simulator.state.rooms[room].fixed_price = 100.0
    beds24.simulator.state.accounts[901].invite_codes.add("ANOTHER")
    plenty_of_credits(beds24.simulator.state, connected)
    return connected


def test_a_pause_in_which_rooms_were_sold_ends_by_itself(open_hotel: ConnectedHotel, beds24: RunningSimulator) -> None:
    pause(open_hotel.channel_property, by="ada")
    ReservationFactory(room_type=open_hotel.double, check_in=NIGHT, check_out=NIGHT + timedelta(days=1))

    resume(open_hotel.channel_property, by="ada")
    work_beside(open_hotel.channel_property)
    assert calendar_posts(beds24) == 0
    report = live(open_hotel)
    assert report.reasons() == []
    assert report.bookings.waiting == 1
    work_everything()

    assert parity_of(open_hotel.channel_property).is_open
    assert units_at_beds24(beds24) == 9
    assert len(beds24.bookings) == 1


def test_what_the_end_of_a_pause_would_put_on_sale_waits_for_a_person(
    open_hotel: ConnectedHotel, beds24: RunningSimulator
) -> None:
    """Somebody has closed the night at the channel meanwhile."""
    beds24.simulator.state.rooms[2001].num_avail[NIGHT] = 0
    pause(open_hotel.channel_property, by="ada")
    resume(open_hotel.channel_property, by="ada")

    report = live(open_hotel)
    work_beside(open_hotel.channel_property)

    assert [(one.first, one.last, one.channel, one.pms) for one in report.raised] == [(NIGHT, NIGHT, 0, 10)]
    assert units_at_beds24(beds24) == 0
    assert not parity_of(open_hotel.channel_property).is_open

    accept_report(open_hotel.channel_property, OldBookings.LINK_AND_SEND, by="ada")
    live(open_hotel)
    work_everything()
    assert units_at_beds24(beds24) == 10


def test_a_reservation_that_is_left_alone_only_takes_its_nights(
    open_hotel: ConnectedHotel, beds24: RunningSimulator
) -> None:
    kept = ReservationFactory(room_type=open_hotel.double, check_in=NIGHT, check_out=NIGHT + timedelta(days=1))
    ChannelEvent.objects.all().delete()
    pause(open_hotel.channel_property, by="ada")
    resume(open_hotel.channel_property, by="ada")
    report = live(open_hotel)
    assert [one.reservation_id for one in report.bookings.only_pms] == [kept.id]

    accept_report(open_hotel.channel_property, OldBookings.LINK, by="ada")
    live(open_hotel)
    work_everything()
    kept.refresh_from_db()
    kept.price = Decimal(333)
    kept.save()
    work_everything()
    reconcile_bookings(open_hotel.channel_property, RunOptions(wait=do_not_wait))

    assert LeftAlone.objects.get().reservation_id == kept.id
    assert beds24.bookings == []
    assert units_at_beds24(beds24) == 9
    assert not Conflict.objects.exists()


def test_old_bookings_may_all_be_sent(open_hotel: ConnectedHotel, beds24: RunningSimulator) -> None:
    ReservationFactory(room_type=open_hotel.double, check_in=NIGHT, check_out=NIGHT + timedelta(days=1))
    ChannelEvent.objects.all().delete()
    pause(open_hotel.channel_property, by="ada")
    resume(open_hotel.channel_property, by="ada")
    live(open_hotel)

    accept_report(open_hotel.channel_property, OldBookings.LINK_AND_SEND, by="ada")
    live(open_hotel)
    work_everything()

    assert len(beds24.bookings) == 1
    assert units_at_beds24(beds24) == 9


def test_a_new_mapping_is_looked_at_before_its_room_is_sold(
    open_hotel: ConnectedHotel, beds24: RunningSimulator
) -> None:
    """The others go on as they are meanwhile."""
    ChannelMapping.objects.filter(internal_id=open_hotel.double.id).delete()
    beds24.simulator.state.rooms[2001].num_avail[NIGHT] = 0
    wanted = WantedMapping(open_hotel.channel_property, MappingType.ROOM_TYPE, open_hotel.double.id, "2001")
    create_mapping(wanted, by="ada")
    ReservationFactory(room_type=open_hotel.single, check_in=NIGHT, check_out=NIGHT + timedelta(days=1))
    ReservationFactory(room_type=open_hotel.double, check_in=NIGHT, check_out=NIGHT + timedelta(days=1))

    report = live(open_hotel)
    work_beside(open_hotel.channel_property)

    assert [one.room for one in report.raised] == ["Double Room"]
    assert units_at_beds24(beds24) == 0
    assert units_at_beds24(beds24, 2002) == 4
    assert [booking["roomId"] for booking in beds24.bookings] == [2002]

    accept_report(open_hotel.channel_property, OldBookings.LINK_AND_SEND, by="ada")
    live(open_hotel)
    work_everything()
    assert units_at_beds24(beds24) == 9
    assert sorted(booking["roomId"] for booking in beds24.bookings) == [2001, 2002]


def test_a_report_is_accepted_once_and_while_it_is_young(open_hotel: ConnectedHotel) -> None:
    with pytest.raises(ReportNotAccepted, match="waits to be accepted"):
        accept_report(open_hotel.channel_property, OldBookings.LINK_AND_SEND, by="ada")

    ReservationFactory(room_type=open_hotel.double, check_in=NIGHT, check_out=NIGHT + timedelta(days=1))
    pause(open_hotel.channel_property, by="ada")
    resume(open_hotel.channel_property, by="ada")
    open_hotel.double.units = 20
    open_hotel.double.save()
    live(open_hotel)
    ParityCheck.objects.update(made_at="2026-01-01T00:00Z")
    with pytest.raises(ReportNotAccepted):
        accept_report(open_hotel.channel_property, OldBookings.LINK_AND_SEND, by="ada")


def test_a_process_that_dies_after_the_import_is_followed_by_another(
    open_hotel: ConnectedHotel, beds24: RunningSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    beds24.controls.book(roomId=2001, **stay())
    pause(open_hotel.channel_property, by="ada")
    resume(open_hotel.channel_property, by="ada", go_live=OldBookings.LINK_AND_SEND)

    def die(*_: object) -> None:
        raise SystemExit

    with monkeypatch.context() as dying:
        dying.setattr("channel_sync.parity.settlement.request_full_sync", die)
        with pytest.raises(SystemExit):
            check_parity(str(open_hotel.channel_property.id))
    assert ParityCheck.objects.get().status == ParityStatus.OPENING
    assert not parity_of(open_hotel.channel_property).is_open

    check_parity(str(open_hotel.channel_property.id))
    work_everything()

    assert parity_of(open_hotel.channel_property).is_open
    assert Reservation.objects.count() == 1
    assert units_at_beds24(beds24) == 9


def test_a_mapping_that_is_made_while_another_is_opened_waits_for_its_own_check(
    open_hotel: ConnectedHotel, beds24: RunningSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    channel_property = open_hotel.channel_property
    ChannelMapping.objects.all().delete()
    for room in ROOMS:
        beds24.simulator.state.rooms[room].num_avail[NIGHT] = 0
    create_mapping(
        WantedMapping(channel_property, MappingType.ROOM_TYPE, open_hotel.double.id, "2001"), by="ada", accept=True
    )
    import_bookings = settlement.import_bookings

    def map_another(*args: Any) -> Any:
        create_mapping(WantedMapping(channel_property, MappingType.ROOM_TYPE, open_hotel.single.id, "2002"), by="ada")
        return import_bookings(*args)

    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(settlement, "import_bookings", map_another)
        check_parity(str(channel_property.id))
    work_beside(channel_property)

    assert (units_at_beds24(beds24), units_at_beds24(beds24, 2002)) == (0, 0)
    assert not parity_of(channel_property).is_open

    live(open_hotel)
    accept_report(channel_property, OldBookings.LINK_AND_SEND, by="ada")
    live(open_hotel)
    work_everything()
    assert (units_at_beds24(beds24), units_at_beds24(beds24, 2002)) == (10, 5)


def test_a_property_moves_to_another_one_of_the_channel(open_hotel: ConnectedHotel, beds24: RunningSimulator) -> None:
    ChannelProperty.objects.update(channel_property_id="9999")

    new = NewConnection(open_hotel.hotel.id, "beds24", "ANOTHER", channel_property_id="1001", after_move=AfterMove.KEEP)
    connect(new, by="ada")

    assert ParityCheck.objects.get().reason == "moved"
    assert not parity_of(open_hotel.channel_property).is_open


def test_connecting_again_holds_nothing(open_hotel: ConnectedHotel) -> None:
    connect(NewConnection(open_hotel.hotel.id, "beds24", "ANOTHER"), by="ada")

    assert parity_of(open_hotel.channel_property).is_open


def test_the_command_says_what_waits_and_goes_live(open_hotel: ConnectedHotel, beds24: RunningSimulator) -> None:
    beds24.simulator.state.rooms[2001].num_avail[NIGHT] = 0
    pause(open_hotel.channel_property, by="ada")
    resume(open_hotel.channel_property, by="ada")
    output = StringIO()

    with pytest.raises(SystemExit) as ended:
        call_command("channel_sync_parity", str(open_hotel.channel_property.id), stdout=output, stderr=StringIO())
    assert ended.value.code == 2
    assert "1 night would have more rooms for sale" in output.getvalue()
    assert "--go-live" in output.getvalue()

    output = StringIO()
    number = str(open_hotel.channel_property.id)
    call_command(
        "channel_sync_parity", number, "--go-live", "link_and_send", "--json", stdout=output, stderr=StringIO()
    )
    said = json.loads(output.getvalue())
    assert said["is_open"]
    assert said["report"]["raised"]


@pytest.mark.django_db(transaction=True)
def test_the_command_waits_for_a_worker_that_compares_at_the_same_time(open_hotel: ConnectedHotel) -> None:
    pause(open_hotel.channel_property, by="ada")
    resume(open_hotel.channel_property, by="ada")
    worker, waits = connection.copy(), list[str]()

    def until_the_worker_is_done(delay: timedelta, reason: str) -> None:
        waits.append(reason)
        worker.close()

    with worker.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_lock(%s)", [_lock_number("the parity check", open_hotel.channel_property.id)]
        )
    try:
        parity = compare_now(
            open_hotel.channel_property,
            by="ada",
            wait=until_the_worker_is_done,
            progress=silent,
            accept_as=OldBookings.LINK_AND_SEND,
        )
    finally:
        worker.close()

    # The server may take a moment to notice that the worker is gone.
    assert set(waits) == {"the parity check is in use by another worker."}
    assert parity.is_open


def test_what_is_accepted_is_the_report_that_was_looked_at(
    open_hotel: ConnectedHotel, beds24: RunningSimulator, administrator: Browser
) -> None:
    beds24.simulator.state.rooms[2001].num_avail[NIGHT] = 0
    pause(open_hotel.channel_property, by="ada")
    resume(open_hotel.channel_property, by="ada")
    live(open_hotel)
    address = f"/api/admin/properties/{open_hotel.channel_property.id}/parity/"
    seen = administrator.get(address).json()["made_at"]
    administrator.post(address)
    live(open_hotel)

    wanted = {"old_bookings": "link_and_send", "made_at": seen}
    refused = administrator.post(f"{address}accept/", wanted, content_type="application/json")
    assert refused.status_code == 409
    assert "compared again since" in refused.json()["errors"][0]["detail"]

    wanted["made_at"] = administrator.get(address).json()["made_at"]
    accepted = administrator.post(f"{address}accept/", wanted, content_type="application/json")
    assert accepted.status_code == 202


def test_a_property_that_is_live_has_no_check_to_make(open_hotel: ConnectedHotel, administrator: Browser) -> None:
    number, output = str(open_hotel.channel_property.id), StringIO()

    refused = administrator.post(f"/api/admin/properties/{number}/parity/")
    call_command("channel_sync_parity", number, stdout=output, stderr=StringIO())

    assert refused.status_code == 409
    assert "is live" in refused.json()["errors"][0]["detail"]
    assert "The property is live" in output.getvalue()
    assert not ParityCheck.objects.exists()
