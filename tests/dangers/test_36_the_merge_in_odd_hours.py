"""Late webhooks, lost answers, deletions and old links: what an adversary found in the merge of both masters."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from channel_sync.channels.beds24.channel import Beds24Channel
from channel_sync.channels.beds24.client import Client
from channel_sync.channels.beds24.webhook import parse_webhook
from channel_sync.channels.beds24.wire import WireItemMessage
from channel_sync.connections.pushable import push_of
from channel_sync.events.processing import process
from channel_sync.inbound.receipt import receive_notification
from channel_sync.models import (
    ChannelEvent,
    ChannelMapping,
    Conflict,
    ConflictKind,
    Direction,
    EventType,
    MappingType,
    ReservationLink,
)
from channel_sync.reconciliation.bookings import reconcile_bookings
from channel_sync.reconciliation.resolution import Resolution, resolve_conflict
from pms_project.pms.channel_port import Pms
from pms_project.pms.models import Reservation, ReservationStatus
from pms_project.pms.services.reservations import cancel_reservation, change_reservation
from tests.conftest import ConnectedHotel, RunningSimulator
from tests.dangers.one_way import at_beds24, hours_pass, webhook_of, work_only
from tests.dangers.working import NIGHT, stay, work_everything
from tests.drift import plenty_of_credits
from tests.factories import ReservationFactory

pytestmark = pytest.mark.django_db

FIRST, SECOND = timedelta(seconds=10), timedelta(seconds=20)
TWO, THREE, FOUR = (NIGHT + timedelta(days=days) for days in (2, 3, 4))
OF_AN_OTA = {"channel": "booking", "price": 240.5, "lastName": "Lovelace", "email": "ada@example.org", "numAdult": 2}

Json = dict[str, Any]


@pytest.fixture
def sold(connected: ConnectedHotel, beds24: RunningSimulator) -> Json:
    """A booking of an OTA that both sides have."""
    plenty_of_credits(beds24.simulator.state, connected)
    made = beds24.controls.book(roomId=2001, **OF_AN_OTA, **stay())
    webhook_of(connected, made)
    work_everything()
    return made


def deliver(connected: ConnectedHotel, booking: Json, *left_out: str, **more: Any) -> ChannelEvent:
    shown = {name: value for name, value in booking.items() if name not in (*left_out, "infoItems")}
    body = {"timeStamp": "2026-11-01T12:00:05Z", "booking": shown, "retries": 0, **more}
    event, _ = receive_notification(connected.channel_property, parse_webhook(body))
    return ChannelEvent.objects.get(id=event.id)


def here() -> tuple[Any, ...]:
    found = Reservation.objects.get()
    return found.status, str(found.check_out), found.price


def there(beds24: RunningSimulator) -> tuple[Any, ...]:
    (found,) = beds24.bookings
    status = ReservationStatus.CANCELLED if found["status"] == "cancelled" else ReservationStatus.CONFIRMED
    return status, found["departure"], Decimal(str(found["price"])).quantize(Decimal("0.01"))


def around_the_call(monkeypatch: pytest.MonkeyPatch, before: Callable[[], Any], after: Callable[[], Any]) -> None:
    """Do something just before, and just after, bookings are written."""
    write = Beds24Channel.write_bookings

    def wrapped(channel: Beds24Channel, writes: Any, **options: Any) -> Any:
        before()
        found = write(channel, writes, **options)
        after()
        return found

    monkeypatch.setattr(Beds24Channel, "write_bookings", wrapped)


@pytest.mark.parametrize("names_its_key", [True, False])
def test_the_webhook_of_our_own_create_comes_before_its_answer(
    connected: ConnectedHotel, beds24: RunningSimulator, monkeypatch: pytest.MonkeyPatch, names_its_key: bool
) -> None:
    plenty_of_credits(beds24.simulator.state, connected)

    def webhook() -> None:
        (booking,) = beds24.bookings
        more = {"infoItems": booking["infoItems"]} if names_its_key else {}
        process(deliver(connected, booking, **more).id)

    around_the_call(monkeypatch, lambda: None, webhook)
    ReservationFactory(room_type=connected.double, check_in=NIGHT, check_out=TWO)
    work_everything()

    assert Reservation.objects.get().status == ReservationStatus.CONFIRMED
    assert ReservationLink.objects.get().reservation_id == Reservation.objects.get().id


@pytest.mark.parametrize("status", [503, 400])
def test_a_change_of_the_ota_is_not_taken_for_one_of_ours_that_never_arrived(
    connected: ConnectedHotel, sold: Json, beds24: RunningSimulator, status: int
) -> None:
    reservation = Reservation.objects.get()
    beds24.controls.fail_next(kind="status", status=status, method="POST", path="/bookings", times=1)
    change_reservation(reservation.id, {"check_out": FOUR})
    work_only(Direction.OUTBOUND, event_type=EventType.BOOKING_UPDATE)
    change_reservation(reservation.id, {"check_out": TWO})
    work_everything()

    deliver(connected, at_beds24(beds24, sold["id"], after=SECOND, departure=str(FOUR)))
    work_everything()

    assert (here()[1], there(beds24)[1]) == (str(FOUR), str(FOUR))


@pytest.mark.parametrize("by", ["the OTA", "the desk"])
def test_what_changed_with_a_cancellation_is_there_when_the_booking_is_reinstated(
    connected: ConnectedHotel, sold: Json, beds24: RunningSimulator, by: str
) -> None:
    changes: Json = {"departure": str(FOUR), "price": 400}
    if by == "the OTA":
        deliver(connected, at_beds24(beds24, sold["id"], after=FIRST, status="cancelled", **changes))
    else:
        cancel_reservation(Reservation.objects.get().id)
        work_everything()
        hours_pass(connected)
        deliver(connected, at_beds24(beds24, sold["id"], after=FIRST, **changes))
    work_everything()

    deliver(connected, at_beds24(beds24, sold["id"], after=SECOND, status="confirmed"))
    work_everything()

    assert here() == there(beds24) == (ReservationStatus.CONFIRMED, str(FOUR), Decimal("400.00"))


def test_units_that_are_told_later_are_taken_over(connected: ConnectedHotel, beds24: RunningSimulator) -> None:
    plenty_of_credits(beds24.simulator.state, connected)
    made = beds24.controls.book(roomId=2001, roomQty=2, **OF_AN_OTA, **stay())
    deliver(connected, made, "roomQty")
    work_everything()

    deliver(connected, made)
    work_everything()

    assert (Reservation.objects.get().units, beds24.bookings[0]["roomQty"]) == (2, 2)


def test_a_reservation_that_the_pms_deletes_is_not_made_again_by_a_change_of_the_ota(
    connected: ConnectedHotel, sold: Json, beds24: RunningSimulator
) -> None:
    Reservation.objects.get().delete()
    at_beds24(beds24, sold["id"], after=FIRST, departure=str(FOUR))

    work_everything()

    assert beds24.bookings[0]["status"] == "cancelled"
    assert not Reservation.objects.exclude(status=ReservationStatus.CANCELLED).exists()


def test_a_late_webhook_does_not_bring_back_what_the_desk_has_cancelled(
    connected: ConnectedHotel, sold: Json, beds24: RunningSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: Json = {}

    def change() -> None:
        if not seen:
            seen.update(at_beds24(beds24, sold["id"], after=FIRST, price=300))

    around_the_call(monkeypatch, change, lambda: at_beds24(beds24, sold["id"], after=SECOND))
    cancel_reservation(Reservation.objects.get().id)
    work_everything()
    assert beds24.bookings[0]["status"] == "cancelled"

    deliver(connected, seen)
    work_everything()

    assert (here()[0], there(beds24)[0]) == (ReservationStatus.CANCELLED, ReservationStatus.CANCELLED)


def old_link() -> None:
    """As a version without bases has left it."""
    link, reservation = ReservationLink.objects.get(), Pms().reservation(Reservation.objects.get().id)
    assert reservation is not None
    link.bases, link.pushed_hash = {}, push_of("beds24", reservation, "2001").state_hash()
    link.save()


@pytest.mark.parametrize("both", [True, False])
def test_a_link_of_before_loses_no_change_of_the_desk(
    connected: ConnectedHotel, sold: Json, beds24: RunningSimulator, both: bool
) -> None:
    old_link()
    change_reservation(Reservation.objects.get().id, {"notes": "a cot"})
    if both:
        at_beds24(beds24, sold["id"], after=FIRST, price=300)

    work_everything()

    assert here() == there(beds24)
    notes = {Reservation.objects.get().notes, beds24.bookings[0]["notes"]}
    assert notes == {"a cot"}


def test_a_link_of_before_loses_no_cancellation_of_the_desk(
    connected: ConnectedHotel, sold: Json, beds24: RunningSimulator
) -> None:
    old_link()
    cancel_reservation(Reservation.objects.get().id)
    at_beds24(beds24, sold["id"], after=FIRST, price=300)

    work_everything()

    assert (here()[0], there(beds24)[0]) == (ReservationStatus.CANCELLED, ReservationStatus.CANCELLED)


def test_a_link_of_before_takes_what_the_ota_has_changed(
    connected: ConnectedHotel, sold: Json, beds24: RunningSimulator
) -> None:
    old_link()
    deliver(connected, at_beds24(beds24, sold["id"], after=FIRST, price=300))

    work_everything()

    assert here() == there(beds24)
    assert here()[2] == Decimal("300.00")


def test_a_decision_for_the_pms_outlives_a_change_of_another_field(
    connected: ConnectedHotel, sold: Json, beds24: RunningSimulator
) -> None:
    Reservation.objects.update(check_out=THREE)
    ChannelEvent.objects.filter(direction=Direction.OUTBOUND).delete()
    ReservationLink.objects.update(bases={**ReservationLink.objects.get().bases})
    reconcile_bookings(connected.channel_property)
    conflict = Conflict.objects.get(kind=ConflictKind.DATES)
    at_beds24(beds24, sold["id"], after=FIRST, price=300)

    resolve_conflict(conflict.id, Resolution.KEEP_PMS, by="root")
    work_everything()

    assert here() == there(beds24) == (ReservationStatus.CONFIRMED, str(THREE), Decimal("300.00"))


def test_a_decision_for_the_channel_takes_no_note_of_the_desk_along(
    connected: ConnectedHotel, sold: Json, beds24: RunningSimulator
) -> None:
    Reservation.objects.update(check_out=THREE)
    reconcile_bookings(connected.channel_property)
    conflict = Conflict.objects.get(kind=ConflictKind.DATES)
    change_reservation(Reservation.objects.get().id, {"notes": "a cot"})

    resolve_conflict(conflict.id, Resolution.TAKE_CHANNEL, by="root")
    work_everything()

    assert here() == there(beds24)
    assert here()[1] == str(TWO)
    assert (Reservation.objects.get().notes, beds24.bookings[0]["notes"]) == ("a cot", "a cot")


@pytest.mark.parametrize(
    ("field", "of_the_desk", "of_the_ota"), [("notes", "a cot", "late arrival"), ("check_out", THREE, FOUR)]
)
def test_a_double_change_that_the_pms_wins_has_its_conflict(
    connected: ConnectedHotel, beds24: RunningSimulator, field: str, of_the_desk: Any, of_the_ota: Any
) -> None:
    plenty_of_credits(beds24.simulator.state, connected)
    if field == "notes":
        webhook_of(connected, beds24.controls.book(roomId=2001, **OF_AN_OTA, **stay()))
    else:
        ReservationFactory(room_type=connected.double, check_in=NIGHT, check_out=TWO)
    work_everything()

    change_reservation(Reservation.objects.get().id, {field: of_the_desk})
    theirs = {"notes": of_the_ota} if field == "notes" else {"departure": str(of_the_ota)}
    at_beds24(beds24, beds24.bookings[0]["id"], after=FIRST, **theirs)
    work_everything()

    assert getattr(Reservation.objects.get(), field) == of_the_desk
    assert Conflict.objects.get().kind == ConflictKind.CONCURRENT_CHANGE


def test_what_the_channel_drops_is_not_taken_back_from_the_desk(
    connected: ConnectedHotel, sold: Json, beds24: RunningSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    post = Client.post_items

    def without_notes(client: Client, path: str, items: Any, **options: Any) -> Any:
        kept = [{name: value for name, value in item.items() if name != "notes"} for item in items]
        warning = WireItemMessage(action="modify booking", field="notes", message="dropped")
        return [one.model_copy(update={"warnings": [warning]}) for one in post(client, path, kept, **options)]

    with monkeypatch.context() as patched:
        patched.setattr(Client, "post_items", without_notes)
        change_reservation(Reservation.objects.get().id, {"notes": "a cot", "adults": 1})
        work_everything()

    hours_pass(connected)
    deliver(connected, at_beds24(beds24, sold["id"], after=SECOND, price=300))
    work_everything()

    assert (Reservation.objects.get().notes, here()[2]) == ("a cot", Decimal("300.00"))


@pytest.mark.parametrize("cleared", ["email", "price"])
def test_what_beds24_has_no_word_for_is_not_filled_in_again(
    connected: ConnectedHotel, sold: Json, beds24: RunningSimulator, cleared: str
) -> None:
    reservation = Reservation.objects.get()
    change_reservation(reservation.id, {"guest": {"email": ""}} if cleared == "email" else {"price": None})
    work_everything()

    hours_pass(connected)
    deliver(connected, at_beds24(beds24, sold["id"], after=SECOND, numAdult=1))
    work_everything()

    found = Reservation.objects.get()
    assert found.guest is not None
    assert (found.guest.email if cleared == "email" else found.price) in ("", None)
    assert found.adults == 1


@pytest.mark.parametrize("becomes", ["another room", "no room"])
def test_a_mapping_that_is_changed_moves_no_booking(
    connected: ConnectedHotel, sold: Json, beds24: RunningSimulator, becomes: str
) -> None:
    mappings = ChannelMapping.objects.filter(mapping_type=MappingType.ROOM_TYPE)
    mappings.filter(external_id="2002").delete()
    if becomes == "another room":
        mappings.filter(external_id="2001").update(external_id="2002")
    else:
        mappings.filter(external_id="2001").update(is_active=False)

    for number, price in enumerate((300, 310, 320), start=1):
        deliver(connected, at_beds24(beds24, sold["id"], after=number * FIRST, price=price))
        work_everything()

    assert beds24.bookings[0]["roomId"] == 2001
    assert not beds24.posts("/bookings")
    assert not ChannelEvent.objects.filter(direction=Direction.OUTBOUND, event_type=EventType.BOOKING_UPDATE).exists()
    assert here()[2] == Decimal("320.00")
