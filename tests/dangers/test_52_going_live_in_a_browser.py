"""Somebody connects a hotel for the first time and goes live without knowing what that does to the old bookings."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth import get_user_model
from django.test import Client
from django.urls import reverse
from playwright.sync_api import Browser, Page, expect

from channel_sync.channels.beds24.simulator.booking_writes import new_booking
from channel_sync.models import (
    ChannelEvent,
    ChannelProperty,
    LeftAlone,
    MappingType,
    OldBookings,
    ParityCheck,
    ReservationLink,
)
from channel_sync.operations.mapping_rules import WantedMapping
from channel_sync.operations.mappings import create_mapping
from channel_sync.operations.parity import compare_again, parity_of
from channel_sync.operations.properties import NewConnection, connect
from channel_sync.parity.report import Nights, ParityReport
from channel_sync.parity.tasks import check_parity
from pms_project.pms.models import HotelSettings, RoomType
from tests import chromium
from tests.conftest import RunningSimulator
from tests.dangers.test_17_admin_in_a_browser import DESKTOP, illegible, in_theme, keep
from tests.factories import (
    DailyRateFactory,
    GuestFactory,
    HotelFactory,
    RatePlanFactory,
    ReservationFactory,
    RoomTypeFactory,
)

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(180)]

TODAY = date.today()
GUESTS = ("Noether", "Lovelace", "Hamilton", "Meitner", "Germain", "Curie")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
        with chromium.started() as started:
            yield started


@pytest.fixture
def page(browser: Browser, live_server: Any) -> Iterator[Page]:
    """A page that is logged in; addresses are relative to the site."""
    login = Client()
    login.force_login(get_user_model().objects.create_superuser("manager"))
    context = browser.new_context(base_url=live_server.url, viewport={"width": DESKTOP, "height": 900})
    session = login.cookies[settings.SESSION_COOKIE_NAME].value
    context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": session, "url": live_server.url}])
    yield context.new_page()
    context.close()


def night(offset: int) -> date:
    return TODAY + timedelta(days=offset)


class Hotel:
    """A hotel that has sold on both sides for a while."""

    def __init__(self, beds24: RunningSimulator) -> None:
        self.state = beds24.simulator.state
        self.hotel: HotelSettings = HotelFactory(name="Harbour View", currency="EUR")
        self.double: RoomType = RoomTypeFactory(hotel=self.hotel, name="Double Room", units=10)
        self.single: RoomType = RoomTypeFactory(hotel=self.hotel, name="Single Room", units=4)
        self.apartment: RoomType = RoomTypeFactory(hotel=self.hotel, name="Apartment", units=1)
        standard = RatePlanFactory(room_type=self.double, name="Standard")
        RatePlanFactory(room_type=self.double, name="Non-refundable")
        self.state.accounts[901].credit_limit = 1_000_000
        self.state.properties[1001].currency = "USD"
        self.state.rooms[2001].price_names = {1: "Standard"}
        for offset in range(60, 63):
            DailyRateFactory(rate_plan=standard, night=night(offset), price=Decimal("120.00"))
        self.state.rooms[2001].days[night(60)]["price1"] = 100.0
        for offset in (80, 82, 83):
            self.state.rooms[2001].num_avail[night(offset)] = 0

    def there(self, room: int, first: date, last: date, name: str, **more: Any) -> int:
        """A booking of the channel."""
        made: dict[str, Any] = new_booking(self.state) | {
            "roomId": room, "propertyId": 1001, "arrival": str(first), "departure": str(last), "lastName": name,
            "status": "confirmed", "price": 100.0, "numAdult": 2, "modifiedTime": "2026-01-01T10:00:00Z", **more,
        }  # fmt: skip
        self.state.bookings[made["id"]] = made
        self.state.rooms[room].take(made, -1)
        return int(made["id"])

    def here(self, room_type: RoomType, first: date, last: date, name: str) -> Any:
        """A reservation of the PMS."""
        guest = GuestFactory(first_name="", last_name=name, email="")
        return ReservationFactory(room_type=room_type, check_in=first, check_out=last, price=Decimal(100), guest=guest)

    def sell_differently(self, channel_property: ChannelProperty) -> None:
        """A linked reservation that the channel has for a night more."""
        here = self.here(self.double, night(40), night(42), GUESTS[5])
        there = self.there(2001, night(40), night(43), GUESTS[5], channel="booking")
        ReservationLink.objects.create(
            channel_property=channel_property, external_id=str(there), reservation_id=here.id, ota="booking"
        )
        ChannelEvent.objects.filter(entity_internal_id=here.id).delete()


@pytest.fixture
def hotel(beds24: RunningSimulator) -> Hotel:
    found = Hotel(beds24)
    found.there(2001, night(-3), night(2), GUESTS[0])
    found.here(found.double, night(-3), night(2), GUESTS[0])
    found.there(2002, night(10), night(12), GUESTS[1], channel="booking")
    found.here(found.single, night(10), night(12), GUESTS[1])
    found.here(found.double, night(20), night(21), GUESTS[2])
    found.there(2001, night(25), night(28), GUESTS[3], channel="expedia")
    found.there(2003, night(25), night(28), GUESTS[4], channel="booking")
    return found


def shown(page: Page, name: str) -> str:
    """The text of a page that is legible and not too wide; pictures of it are kept."""
    keep(page, f"going-live-{name}")
    texts = "h2, li, td, dd, .cs-effect, .button"
    assert not illegible(page, ", ".join(f"#content-main {one}:first-of-type" for one in texts.split(", ")))
    return page.locator("#content-main").inner_text()


def test_a_newcomer_connects_a_hotel_and_goes_live(page: Page, hotel: Hotel) -> None:
    in_theme(page, "dark")
    page.goto(reverse("admin:channel_sync_connect"))
    shown(page, "connect")
    page.get_by_label("Property of the PMS").select_option(label=str(hotel.hotel))
    page.get_by_label("Invite code").fill("DEMO-INVITE-CODE")
    page.get_by_role("button", name="Connect", exact=True).click()
    assert "Not live yet" in shown(page, "connected")
    channel_property = ChannelProperty.objects.get()
    hotel.sell_differently(channel_property)

    check_parity(str(channel_property.id))
    page.get_by_role("link", name="See what each side would change").click()
    report = shown(page, "report")
    for part in (
        "The same on both sides, not linked yet: 2", "Only in the PMS: 1", "Different: 1",
        "rooms that are not mapped: 1",
        "Only at the channel: 1", "More for sale than now: 4 nights",
        "Less for sale than now: 501 nights", "1 reservation is only in the PMS.", "Room type Apartment is not mapped",
    ):  # fmt: skip
        assert part in report
    assert "Other prices" not in report, "no price is sent while the currencies differ"
    for guest in GUESTS:
        assert guest not in page.content()

    page.goto(reverse("admin:channel_sync_channelproperty_change", args=[channel_property.pk]))
    assert "Nothing has been sent since" in shown(page, "property")
    page.get_by_role("link", name="See what would change, and go live").click()
    page.get_by_label("Link those that the channel has too, leave the others alone").check()
    page.get_by_role("button", name="Accept and go live").click()
    asked = shown(page, "asked")
    for said in ("2 reservations are linked", "1 reservation is left alone", "This cannot be undone"):
        assert said in asked
    assert parity_of(channel_property).can_be_accepted, "nothing is accepted before it was asked"
    page.get_by_role("button", name="Yes, go live").click()
    expect(page.get_by_text("This page refreshes by itself.")).to_be_visible()
    check_parity(str(channel_property.id))
    page.reload()
    assert "Live." in shown(page, "live")
    assert LeftAlone.objects.count() == 1


def test_a_mapping_that_is_held_leads_to_its_comparison(page: Page, hotel: Hotel) -> None:
    in_theme(page, "dark")
    channel_property = connect(NewConnection(hotel.hotel.id, "beds24", "DEMO-INVITE-CODE"), by="ada").connected
    held = channel_property.channel_property
    ChannelProperty.objects.update(held_since=None)
    ParityCheck.objects.all().delete()
    create_mapping(WantedMapping(held, MappingType.ROOM_TYPE, hotel.apartment.id, "2003"), by="ada")
    check_parity(str(held.id))

    page.goto(reverse("admin:channel_sync_channelmapping_changelist"))
    keep(page, "going-live-mappings")
    page.get_by_role("link", name="Not live yet").click()

    assert "Nothing is sent of 1 new or changed mapping yet." in shown(page, "mapping")
    assert page.get_by_role("radio").count() == 0, "no reservation is only in the PMS: there is nothing to choose"
    page.get_by_role("button", name="Accept and go live").click()
    page.get_by_role("button", name="Yes, go live").click()
    expect(page.get_by_text("Accepted. Bookings come in now")).to_be_visible()


def test_only_the_report_that_was_seen_is_accepted(hotel: Hotel) -> None:
    """Both sides are compared again between the question and the answer."""
    held = connect(NewConnection(hotel.hotel.id, "beds24", "DEMO-INVITE-CODE"), by="ada").connected.channel_property
    check_parity(str(held.id))
    browser = Client()
    browser.force_login(get_user_model().objects.create_superuser("manager"))
    address = reverse("admin:channel_sync_parity", args=[held.pk])
    asked = browser.post(address, {"do": "accept", "old_bookings": OldBookings.LINK_AND_SEND})

    compare_again(held, by="grace")
    check_parity(str(held.id))
    answer = browser.post(address, asked.context["fields"], follow=True)

    assert "compared again since" in answer.content.decode()
    assert parity_of(held).can_be_accepted


def test_prices_are_compared_once_the_currencies_are_the_same(hotel: Hotel) -> None:
    new = NewConnection(hotel.hotel.id, "beds24", "DEMO-INVITE-CODE", accept_suggestions=True)
    held = connect(new, by="ada").connected.channel_property
    check_parity(str(held.id))
    different = parity_of(held).report

    hotel.state.properties[1001].currency = "EUR"
    compare_again(held, by="ada")
    check_parity(str(held.id))
    same = parity_of(held).report

    assert different is not None
    assert different.prices == ()
    assert same is not None
    assert [(one.channel, one.pms) for one in same.prices] == [("100.00", "120.00"), (None, "120.00")]


@pytest.mark.parametrize(
    ("units", "said"), [(1, "1 night would have more rooms"), (2, "2 nights would have more rooms")]
)
def test_a_reason_counts_in_words(units: int, said: str) -> None:
    raised = Nights(room="Double Room", first=TODAY, last=night(units - 1), channel=0, pms=1)

    assert ParityReport(raised=(raised,), last_night=TODAY).reasons() == [f"{said} for sale at the channel than now."]
