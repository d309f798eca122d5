"""A guest is found, exported and erased, in everything that is kept; what is still needed is refused in words.

There was no way to do any of it: payloads, conflicts, staged bookings and captured writes kept names for months.
"""

from __future__ import annotations

import json
import re
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.apps import apps
from django.contrib.admin.models import LogEntry
from django.contrib.auth import get_user_model
from django.contrib.postgres.fields import ArrayField
from django.db import connection
from django.db.models import BinaryField, JSONField, TextField
from django.test import Client
from django.utils import timezone

from channel_sync.channels.canonical import Guest as BookingGuest
from channel_sync.errors import EventRedacted, GuestNotNamed
from channel_sync.events.outbound_events import booking_event
from channel_sync.events.store import record_all
from channel_sync.inbound.echo import sent_lately
from channel_sync.merge.base import Base
from channel_sync.merge.fields import Field
from channel_sync.models import (
    Alert,
    AuditAction,
    AuditEntry,
    CapturedChange,
    ChannelEvent,
    ChannelProperty,
    Conflict,
    ConflictKind,
    ConflictStatus,
    EventStatus,
    EventType,
    ReconciliationRun,
    ReservationLink,
    Severity,
    StagedBooking,
    StoredAnswer,
)
from channel_sync.operations.event_actions import replay_event
from channel_sync.operations.guest_data_erasure import Erased, erase_guest, erasing_means
from channel_sync.operations.guest_data_export import export_guest
from channel_sync.operations.guest_data_obstacles import obstacles
from channel_sync.operations.guest_data_places import PLACES
from channel_sync.operations.guest_data_search import GuestBooking, GuestSearch, find_bookings
from channel_sync.operations.guest_data_words import Names
from channel_sync.personal_data import redact
from channel_sync.pms import host_pms
from pms_project.pms.models import Guest, Reservation
from tests.beds24_webhooks import booking as wire_booking
from tests.beds24_webhooks import webhook
from tests.factories import (
    ChannelPropertyFactory,
    EventFactory,
    OutboundEventFactory,
    ReservationFactory,
    ReservationLinkFactory,
)

pytestmark = pytest.mark.django_db

TODAY = date.today()
ARRIVAL, DEPARTURE = TODAY - timedelta(days=10), TODAY - timedelta(days=8)
NUMBER = "5000001"
WORDS = ("Ada", "Lovelace", "ada@example.org", "7946", "late arrival", "a cot")
GUEST = {"first_name": "Ada", "last_name": "Lovelace", "email": "ada@example.org", "phone": "+44 20 7946 0000"}
DATES = {"arrival": str(ARRIVAL), "departure": str(DEPARTURE)}
LONG_AGO = timezone.now() - timedelta(days=8)


@pytest.fixture
def stay(channel_property: ChannelProperty) -> Reservation:
    """A stay that is over, of which something is kept wherever something can be."""
    made: Reservation = ReservationFactory(
        room_type__hotel=channel_property.property, check_in=ARRIVAL, check_out=DEPARTURE, notes="a cot",
        guest=Guest.objects.create(**GUEST),
    )  # fmt: skip
    CapturedChange.objects.all().delete()
    ChannelEvent.objects.all().delete()
    base = Base(NUMBER, {}).updated({Field.EMAIL: "ada@example.org", Field.ADULTS: 2})
    ReservationLinkFactory(
        channel_property=channel_property, external_id=NUMBER, reservation_id=made.id, ota_reference="BDC-1",
        bases={"channel": dict(base.marks), "pms": dict(base.marks), "room_type": "x"},
    )  # fmt: skip
    numbered = {"channel_property": channel_property, "entity_external_id": NUMBER, "entity_internal_id": made.id}
    normalized = {"status": "confirmed", "guest": GUEST, "notes": "late arrival", "ota_reference": "BDC-1"}
    event = EventFactory(
        **numbered, status=EventStatus.DONE, normalized_payload=normalized,
        payload=webhook(**DATES, notes="late arrival"),
    )  # fmt: skip
    OutboundEventFactory(
        **numbered, status=EventStatus.DONE, processed_at=LONG_AGO, payload={"status": "confirmed"},
        normalized_payload={"external_room_id": "2001", "guest": GUEST, "notes": "a cot", "over": {"marks": {}}},
        warnings=["'Lovelace' was shortened"],
    )  # fmt: skip
    EventFactory(
        **numbered, status=EventStatus.FAILED, payload=webhook(**DATES), claimed_until=DEPARTURE,
        last_error="RefusedByChannel: ada@example.org is not an email",
    )  # fmt: skip
    Conflict.objects.create(
        channel_property=channel_property, kind=ConflictKind.GUEST, severity=Severity.MEDIUM,
        status=ConflictStatus.RESOLVED, subject=f"booking:{NUMBER}",
        pms_side={"reservation_id": str(made.id), "guest": "Ada Lovelace", "email": "ada@example.org"},
        channel_side={"booking_id": NUMBER, "changed": {"guest_name": ["Ada", "Lovelace"], "adults": 2}},
    )  # fmt: skip
    run = ReconciliationRun.objects.create(
        channel_property=channel_property, kind="bookings", status="failed", window_start=ARRIVAL, window_end=TODAY,
        cursor={},
    )  # fmt: skip
    StagedBooking.objects.create(run=run, external_id=NUMBER, payload={"booking": wire_booking(**DATES)})
    CapturedChange.objects.create(
        model="pms.Reservation", operation="UPDATE", row_pk=str(made.id), attempts=12, transaction_id=1,
        old_row={"id": str(made.id), "notes": "late arrival", "units": 1},
        new_row={"id": str(made.id), "notes": "a cot", "units": 2},
    )  # fmt: skip
    Alert.objects.create(
        channel_property=channel_property, kind="booking_not_applied", subject=f"{channel_property.id}:{NUMBER}",
        message=f"Booking {NUMBER} of Ada Lovelace is not in the PMS.",
    )  # fmt: skip
    AuditEntry.objects.create(
        actor="clerk", action=AuditAction.EVENT_IGNORED, subject=f"event:{event.id}",
        channel_property=channel_property, details={"reason": "Ms Lovelace has called", "outcome": "sent"},
    )  # fmt: skip
    return made


def test_an_export_has_the_stored_answers_and_nobody_else_who_is_in_them(
    channel_property: ChannelProperty, stay: Reservation
) -> None:
    user = get_user_model().objects.create_superuser("root")
    ours = {"id": str(stay.id), "guest": GUEST}
    others = {"id": str(UUID(int=1)), "guest": {"last_name": "Babbage"}}
    for key, body in (("alone", ours), ("group", [others, ours]), ("other", others)):
        StoredAnswer.objects.create(user=user, key=key, fingerprint="f", status=201, body=body, headers={})

    document = export_guest(found(channel_property, bookings=[NUMBER]), by="clerk")

    answers = document["bookings"][0]["kept"]["channel_stored_answers"]
    assert [answer["body"] for answer in answers] == [ours, [ours]]
    assert "Babbage" not in json.dumps(document)
    assert not {"user_id", "key", "fingerprint"} & answers[0].keys()


def found(channel_property: ChannelProperty, **search: Any) -> list[GuestBooking]:
    return find_bookings(GuestSearch(**search), [channel_property])


def erase(channel_property: ChannelProperty, **search: Any) -> Erased:
    (erased,) = erase_guest(found(channel_property, **(search or {"bookings": [NUMBER]})), by="clerk")
    return erased


def kept_words() -> set[str]:
    """The guest's words that any row of any of our tables still has, with its table."""
    left = set()
    with connection.cursor() as cursor:
        for model in apps.get_app_config("channel_sync").get_models():
            table = model._meta.db_table
            cursor.execute(f'SELECT kept::text FROM "{table}" AS kept')
            rows = "\n".join(row for (row,) in cursor.fetchall()).lower()
            # Whole words: three letters may be part of an id.
            left |= {f"{word} in {table}" for word in WORDS if re.search(rf"\b{re.escape(word.lower())}\b", rows)}
    return left


def test_every_column_that_may_hold_a_guest_is_classified() -> None:
    kinds = (JSONField, TextField, ArrayField, BinaryField)
    there = {
        f"{model.__name__}.{column.name}"
        for model in apps.get_app_config("channel_sync").get_models()
        for column in model._meta.concrete_fields
        if isinstance(column, kinds)
    }

    assert there == set(PLACES), "Say in guest_data_places.py what it holds, and take it out in guest_data_erasure.py."


@pytest.mark.parametrize(
    "search",
    [
        {"bookings": [NUMBER]},
        {"bookings": ["BDC-1"]},
        {"email": "ADA@example.ORG "},
        {"last_name": "lovelace", "arrival": ARRIVAL},
    ],
)
@pytest.mark.parametrize("host_knows", [True, False])
def test_a_guest_is_found(
    channel_property: ChannelProperty,
    stay: Reservation,
    search: dict[str, Any],
    host_knows: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if not host_knows:
        monkeypatch.setattr("channel_sync.operations.guest_data_search.KnowsGuests", type("NoHost", (), {}))
    other = webhook(id=7, lastName="Hopper", email="grace@example.org", apiReference="BDC-7", **DATES)
    EventFactory(channel_property=channel_property, payload=other, entity_external_id="7")

    (booking,) = found(channel_property, **search)

    assert (booking.external_id, booking.reservation_id) == (NUMBER, stay.id)
    assert find_bookings(GuestSearch(**search), [ChannelPropertyFactory()]) == []


def test_a_guest_is_found_by_reservation_and_where_no_link_is(channel_property: ChannelProperty) -> None:
    unsent = ReservationFactory(room_type__hotel=channel_property.property)
    OutboundEventFactory(channel_property=channel_property, entity_internal_id=unsent.id, status=EventStatus.FAILED)
    EventFactory(channel_property=channel_property, payload=webhook(), entity_external_id=NUMBER)

    assert found(channel_property, reservation_ids=[unsent.id]) == [GuestBooking(channel_property, "", unsent.id)]
    assert found(channel_property, bookings=["BDC-1"]) == [GuestBooking(channel_property, NUMBER, None)]
    assert found(channel_property, email="a%@example.org") == []
    for unclear in ({}, {"last_name": "Lovelace"}, {"arrival": ARRIVAL}, {"email": " "}):
        with pytest.raises(GuestNotNamed):
            GuestSearch(**unclear)


def test_the_same_number_in_another_property_is_another_guest(channel_property: ChannelProperty) -> None:
    other = ChannelPropertyFactory()
    hopper = webhook(lastName="Hopper", email="grace@example.org")
    EventFactory(channel_property=channel_property, payload=webhook(), entity_external_id=NUMBER)
    EventFactory(channel_property=other, payload=hopper, entity_external_id=NUMBER)

    (booking,) = find_bookings(GuestSearch(email="ada@example.org"), [channel_property, other])

    assert booking == GuestBooking(channel_property, NUMBER, None)


def test_the_export_holds_every_piece_and_its_place(channel_property: ChannelProperty, stay: Reservation) -> None:
    document = export_guest(found(channel_property, bookings=[NUMBER]), by="clerk")

    json.dumps(document)
    (booking,) = document["bookings"]
    assert (booking["booking"], booking["reservation_id"]) == (NUMBER, str(stay.id))
    assert {table: len(rows) for table, rows in booking["kept"].items()} == {
        "channel_events": 3, "channel_reservation_links": 1, "channel_conflicts": 1,
        "channel_reconciliation_bookings": 1, "channel_changes": 1, "channel_alerts": 1, "channel_audit_entries": 1,
    }  # fmt: skip
    assert booking["kept"]["channel_events"][0]["payload"]["booking"]["email"] == "ada@example.org"
    assert "clerk" not in json.dumps(document)
    entry = AuditEntry.objects.get(action=AuditAction.GUEST_EXPORTED)
    assert (entry.actor, entry.subject, entry.details) == ("clerk", f"booking:{NUMBER}", {})
    assert entry.channel_property == channel_property


def test_erased_no_table_knows_the_guest(channel_property: ChannelProperty, stay: Reservation) -> None:
    assert kept_words()

    erased = erase(channel_property)

    assert kept_words() == set()
    assert erased.rows == {
        "channel_events": 3, "channel_reservation_links": 1, "channel_conflicts": 1,
        "channel_reconciliation_bookings": 1, "channel_changes": 1, "channel_alerts": 1, "channel_audit_entries": 1,
    }  # fmt: skip
    event = ChannelEvent.objects.filter(direction="inbound").first()
    assert event is not None
    assert event.payload["booking"]["price"] == 240
    assert event.payload["booking"]["arrival"] == str(ARRIVAL)
    assert event.payload["booking"]["apiReference"] == "BDC-1"
    link = ReservationLink.objects.get()
    assert link.bases == {"channel": {"adults": 2}, "pms": {"adults": 2}, "room_type": "x"}
    change = CapturedChange.objects.get()
    assert (change.old_row, change.new_row) == ({"id": str(stay.id), "units": 1}, {"id": str(stay.id), "units": 2})
    assert Conflict.objects.get().channel_side["changed"] == {"guest_name": "(hidden)", "adults": 2}
    stay.refresh_from_db()
    assert stay.guest is not None
    assert stay.guest.last_name == "Lovelace", "the guest of the PMS is the PMS's"
    entry = AuditEntry.objects.get(action=AuditAction.GUEST_ERASED)
    assert (entry.actor, entry.subject) == ("clerk", f"booking:{NUMBER}")
    words = AuditEntry.objects.get(action=AuditAction.EVENT_IGNORED).details
    assert words == {"reason": "Ms (erased) has called", "outcome": "sent"}


def test_a_second_erasure_finds_nothing(channel_property: ChannelProperty, stay: Reservation) -> None:
    erase(channel_property)

    assert erase(channel_property).total == 0
    assert AuditEntry.objects.filter(action=AuditAction.GUEST_ERASED).count() == 1


def test_many_events_are_erased_in_short_transactions(
    channel_property: ChannelProperty, stay: Reservation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("channel_sync.operations.guest_data_erasure.BATCH", 2)
    for _ in range(4):
        EventFactory(
            channel_property=channel_property, entity_external_id=NUMBER, status=EventStatus.IGNORED,
            payload=webhook(**DATES),
        )  # fmt: skip
    steps: list[int] = []

    (erased,) = erase_guest(found(channel_property, bookings=[NUMBER]), by="clerk", progress=steps.append)

    assert steps == [2, 2, 2, 1]
    assert erased.rows["channel_events"] == 7
    assert kept_words() == set()


def test_another_guest_keeps_everything(channel_property: ChannelProperty, stay: Reservation) -> None:
    other = EventFactory(
        channel_property=channel_property, entity_external_id="7", status=EventStatus.DONE,
        payload=webhook(id=7, lastName="Hopper", email="grace@example.org", **DATES),
    )  # fmt: skip

    erase(channel_property)

    other.refresh_from_db()
    assert other.payload["booking"]["email"] == "grace@example.org"


def test_erased_events_change_no_guest_any_more(channel_property: ChannelProperty, stay: Reservation) -> None:
    """No replay blanks a name, and what was sent with it passes for no state of the booking."""
    event = ChannelEvent.objects.filter(status=EventStatus.DONE, direction="inbound").get()
    erase(channel_property)

    with pytest.raises(EventRedacted):
        replay_event(event, by="clerk")
    assert sent_lately(channel_property, ReservationLink.objects.get()) == []
    assert ChannelEvent.objects.get(id=event.id).idempotency_key == event.idempotency_key, "duplicates are still known"


def test_what_is_still_needed_is_refused_in_words(channel_property: ChannelProperty, stay: Reservation) -> None:
    (booking,) = found(channel_property, bookings=[NUMBER])
    assert obstacles(booking) == []
    Reservation.objects.filter(id=stay.id).update(check_out=TODAY + timedelta(days=1), version=1)
    CapturedChange.objects.update(attempts=0)
    shared = host_pms().reservation(stay.id)
    assert shared is not None
    record_all([booking_event(channel_property.id, EventType.BOOKING_UPDATE, shared, NUMBER)])
    OutboundEventFactory(
        channel_property=channel_property, entity_external_id=NUMBER, status=EventStatus.DONE,
        processed_at=timezone.now(), normalized_payload={"external_room_id": "2001"},
    )  # fmt: skip
    Conflict.objects.update(status=ConflictStatus.OPEN)
    before = kept_words()

    erased = erase(channel_property)

    assert erased.total == 0
    reasons = " ".join(erased.refused)
    assert f"The stay lasts until {TODAY + timedelta(days=1)}" in reasons
    assert "1 of its events are still to be worked" in reasons
    assert "Writes of its reservation" in reasons
    assert "less than 45 minutes ago" in reasons
    assert f"The conflict {Conflict.objects.get().id}" in reasons
    assert kept_words() == before
    assert not AuditEntry.objects.filter(action=AuditAction.GUEST_ERASED).exists()
    means = " ".join(erasing_means([booking]))
    assert "0 of 1 bookings are erased" in means
    assert "is left as it is" in means
    assert "Erase the guest at the channel first" in means


def test_a_guest_who_is_still_to_come_is_kept_where_the_pms_lacks_the_booking(
    channel_property: ChannelProperty,
) -> None:
    EventFactory(
        channel_property=channel_property, entity_external_id=NUMBER, status=EventStatus.FAILED, payload=webhook(),
        claimed_until=TODAY + timedelta(days=32),
    )  # fmt: skip

    assert "its nights are to come" in erase(channel_property).refused[0]


def test_a_cancelled_stay_can_be_erased_before_arrival(channel_property: ChannelProperty, stay: Reservation) -> None:
    ahead = {"check_in": TODAY + timedelta(days=5), "check_out": TODAY + timedelta(days=6), "status": "CANCELLED"}
    Reservation.objects.filter(id=stay.id).update(**ahead)
    CapturedChange.objects.filter(attempts=0).delete()

    assert erase(channel_property, reservation_ids=[UUID(str(stay.id))]).refused == ()


WRITTEN = [
    "Ada has called", "ADA LOVELACE", "she is at 0044 20 79460000", "call (020) 7946-0000", "+44 (0)20 7946 0000, home",
    "442079460000", "7946 0000",
]  # fmt: skip


@pytest.mark.parametrize("written", WRITTEN)
def test_first_names_and_numbers_in_any_writing_go_too(
    channel_property: ChannelProperty, stay: Reservation, written: str
) -> None:
    words = f"Event 5000001 of 2026-11-27: {written}; 2 rooms"
    event = ChannelEvent.objects.filter(status=EventStatus.FAILED).get()
    ChannelEvent.objects.filter(pk=event.pk).update(last_error=words)

    erase(channel_property)

    event.refresh_from_db()
    assert (event.last_error or "").startswith("Event 5000001 of 2026-11-27: ")
    assert (event.last_error or "").endswith("; 2 rooms")
    left = (event.last_error or "").casefold()
    assert not [one for one in ("ada", "lovelace", "7946", "79460000") if one in left], left


def test_short_names_go_as_they_are_written_and_words_that_hold_them_stay() -> None:
    names = Names.of([BookingGuest(first_name="Jean-Luc", last_name="Ng", phone="12")])

    assert names.taken_out("Ms Ng, Jean and 12 rooms: ng, Nguyen, jean's") == (
        "Ms (erased), (erased) and 12 rooms: ng, Nguyen, (erased)'s"
    )


def forget(stay: Reservation) -> None:
    """The PMS has erased its guest, payloads are redacted by age, and no conflict is left."""
    redact(list(ChannelEvent.objects.all()), timezone.now())
    Conflict.objects.all().delete()
    Guest.objects.filter(pk=stay.guest_id).update(first_name="", last_name="", email="", phone="")


def test_names_are_known_from_staged_bookings_and_answers(channel_property: ChannelProperty, stay: Reservation) -> None:
    forget(stay)
    alert = Alert.objects.get()

    erase(channel_property)

    alert.refresh_from_db()
    assert "Lovelace" not in alert.message
    assert kept_words() == set()


def test_names_are_known_from_stored_answers(channel_property: ChannelProperty, stay: Reservation) -> None:
    forget(stay)
    StagedBooking.objects.all().delete()
    StoredAnswer.objects.create(
        user=get_user_model().objects.create_superuser("root"), key="k", fingerprint="f", status=201, headers={},
        body=[{"id": str(stay.id), "guest": GUEST}],
    )  # fmt: skip

    erase(channel_property)

    assert kept_words() == set()


def test_names_are_known_from_the_words_of_the_search(channel_property: ChannelProperty, stay: Reservation) -> None:
    forget(stay)
    AuditEntry.objects.update(details={"reason": "Ms Lovelace, ada@example.org"})
    Alert.objects.update(message=f"Booking {NUMBER} of Lovelace")
    EventFactory(
        channel_property=channel_property, entity_external_id=NUMBER, status=EventStatus.DONE,
        payload={"booking": {"id": int(NUMBER), "x": "Lovelace", "arrival": str(ARRIVAL)}},
    )  # fmt: skip
    StagedBooking.objects.all().delete()

    erase(channel_property, last_name="Lovelace", arrival=ARRIVAL)

    left = json.dumps([*AuditEntry.objects.values_list("details", flat=True), Alert.objects.get().message])
    assert "Lovelace" not in left


def test_the_log_of_the_admin_of_the_pms_names_no_guest(stay: Reservation) -> None:
    client = Client()
    client.force_login(get_user_model().objects.create_superuser("root"))
    added = {"first_name": "Ada", "last_name": "Lovelace", "email": "", "phone": "", "country": ""}
    assert client.post("/admin/pms/guest/add/", added).status_code == 302
    Reservation.objects.filter(pk=stay.pk).update(guest=None)
    first, second = Guest.objects.filter(last_name="Lovelace")

    one = client.post(f"/admin/pms/guest/{first.pk}/delete/", {"post": "yes"})
    several = {"action": "delete_selected", "_selected_action": str(second.pk), "post": "yes"}
    many = client.post("/admin/pms/guest/", several)

    assert (one.status_code, many.status_code, Guest.objects.exists()) == (302, 302, False)
    entries = LogEntry.objects.order_by("id").values_list("object_repr", flat=True)
    assert list(entries) == ["Guest"] * 3


def test_an_inventory_webhook_that_came_with_a_guest_in_it_is_cleaned_too(
    channel_property: ChannelProperty, stay: Reservation
) -> None:
    """New ones are stored without: these are from before."""
    said = {"action": "SYNC_ROOM", "roomId": "2001", "propId": "1001"}
    room = {"entity_type": "availability", "entity_external_id": "2001", "status": EventStatus.DONE}
    naming = EventFactory(channel_property=channel_property, **room, payload={**said, "booker": ["Ada Lovelace", 7946]})
    elsewhere = EventFactory(channel_property=ChannelPropertyFactory(), **room, payload={**said, "by": "Lovelace"})

    erased = erase(channel_property)

    naming.refresh_from_db()
    elsewhere.refresh_from_db()
    assert naming.payload == {**said, "booker": ["(erased)", 7946]}
    assert elsewhere.payload == {**said, "by": "Lovelace"}
    assert erased.rows["channel_events"] == 4
    assert erase(channel_property).rows == {}
