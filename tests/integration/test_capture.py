"""Triggers capture every write of the host's rows; each becomes events once, by a save or by the relay."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from datetime import date, timedelta
from decimal import Decimal
from io import StringIO
from typing import Any
from uuid import uuid4

import pytest
from django.conf import LazySettings
from django.core.management import CommandError, call_command
from django.db import OperationalError, connection, transaction
from django.test.utils import CaptureQueriesContext

from channel_sync.capture.installation import install_capture, remove_capture
from channel_sync.capture.rows import ATTEMPTS
from channel_sync.capture.states import TableState, capture_states
from channel_sync.channels.canonical import content_hash
from channel_sync.checks import check_capture
from channel_sync.models import CapturedChange, ChannelEvent, ChannelProperty, EventType, ReservationLink
from channel_sync.origin import on_behalf_of
from channel_sync.outbound.changes import consume_captured
from channel_sync.outbound.enqueue import ReservationChange, reservations_changed
from channel_sync.pms import host_pms
from pms_project.pms.channel_port import Pms
from pms_project.pms.models import DailyRate, MaintenanceBlock, Reservation, RoomType
from pms_project.pms.services.rates import RateChange, set_rates
from tests.factories import (
    ChannelConnectionFactory,
    DailyRateFactory,
    MaintenanceBlockFactory,
    RateMappingFactory,
    RatePlanFactory,
    ReservationFactory,
    ReservationLinkFactory,
    RoomFactory,
    RoomTypeFactory,
    RoomTypeMappingFactory,
)
from tests.integration.test_migrations import migrate

CREATED = [EventType.AVAILABILITY_UPDATE, EventType.BOOKING_CREATE]
CHANGED = [EventType.BOOKING_UPDATE]
NIGHT = date.today() + timedelta(days=150)


@pytest.fixture
def double(channel_property: ChannelProperty) -> RoomType:
    room_type: RoomType = RoomTypeFactory(hotel=channel_property.property)
    RoomTypeMappingFactory(channel_property=channel_property, internal_id=room_type.id, external_id="2001")
    return room_type


@pytest.fixture
def linked(channel_property: ChannelProperty, double: RoomType) -> Reservation:
    """A reservation that the channel has as it is, and no captured row of it."""
    reservation: Reservation = ReservationFactory(room_type=double)
    ReservationLinkFactory(
        channel_property=channel_property,
        reservation=reservation,
        external_id="5000001",
        pushed_hash=content_hash(host_pms().describe(reservation).push("2001")),
    )
    recorded_types()
    return reservation


@pytest.fixture
def captured_afterwards(transactional_db: None) -> Iterator[None]:
    yield
    install_capture()


def recorded_types() -> list[str]:
    """The types of the events since the last call, in one order, captured rows included."""
    consume_captured()
    found = sorted(ChannelEvent.objects.values_list("event_type", flat=True))
    ChannelEvent.objects.all().delete()
    return found


def by_sql(statement: str, *parameters: object) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)


def unsaved(room_type: RoomType, number: int) -> list[Reservation]:
    return [
        ReservationFactory.build(id=uuid4(), room_type=room_type, hotel=room_type.hotel, guest=None)
        for _ in range(number)
    ]


@contextmanager
def broken_description(error: type[Exception] = LookupError) -> Iterator[None]:
    """The host cannot describe reservations of one price."""
    right = Pms.describe

    def describe(self: Pms, instance: Reservation) -> Any:
        if instance.price == Decimal(13):
            raise error("Grace Hopper is unlucky")
        return right(self, instance)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Pms, "describe", describe)
        yield


@pytest.mark.django_db
class TestWrites:
    """What makes events."""

    def test_a_save_makes_its_events_once(self, double: RoomType) -> None:
        ReservationFactory(room_type=double)
        assert not CapturedChange.objects.filter(model="pms.Reservation").exists()

        assert recorded_types() == CREATED

    def test_all_events_of_a_save_share_a_correlation_id(self, linked: Reservation) -> None:
        linked.check_out += timedelta(days=3)
        linked.save()

        assert ChannelEvent.objects.count() == 3
        assert ChannelEvent.objects.values("correlation_id").distinct().count() == 1

    def test_bulk_create(self, double: RoomType) -> None:
        Reservation.objects.bulk_create(unsaved(double, 3))

        assert recorded_types() == sorted(CREATED * 3)

    def test_an_update_of_a_thousand(self, channel_property: ChannelProperty, double: RoomType) -> None:
        made = Reservation.objects.bulk_create(unsaved(double, 1000))
        assert len(recorded_types()) == 2000

        ReservationLink.objects.bulk_create(
            ReservationLink(channel_property=channel_property, external_id=str(number), reservation=reservation)
            for number, reservation in enumerate(made)
        )
        with CaptureQueriesContext(connection) as statements:
            Reservation.objects.update(price=Decimal(1))
            consume_captured()
        reads = [one["sql"] for one in statements if one["sql"].lstrip().startswith("SELECT")]
        assert recorded_types() == CHANGED * 1000
        assert len(reads) < 30

    def test_a_queryset_update(self, linked: Reservation) -> None:
        Reservation.objects.update(price=Decimal(1))

        assert recorded_types() == CHANGED

    def test_plain_sql(self, linked: Reservation) -> None:
        by_sql("UPDATE reservations SET check_out = check_out + 1")

        assert recorded_types() == [EventType.AVAILABILITY_UPDATE] * 2 + CHANGED

    def test_several_writes_of_a_row_are_one_change(self, linked: Reservation) -> None:
        old = linked.check_in
        for _ in range(3):
            by_sql("UPDATE reservations SET check_in = check_in + 7, check_out = check_out + 7")

        consume_captured()
        moved = ChannelEvent.objects.filter(event_type=EventType.AVAILABILITY_UPDATE)
        starts = set(moved.values_list("payload__start", flat=True))
        assert starts == {str(old), str(old + timedelta(days=21))}
        assert recorded_types() == [EventType.AVAILABILITY_UPDATE] * 2 + CHANGED

    def test_a_deletion_by_sql_names_its_booking(self, linked: Reservation) -> None:
        by_sql("DELETE FROM reservations")

        consume_captured()
        cancel = ChannelEvent.objects.get(event_type=EventType.BOOKING_CANCEL)
        assert (cancel.entity_external_id, cancel.entity_internal_id) == ("5000001", linked.id)
        assert ReservationLink.objects.get().reservation_id is None
        assert recorded_types() == [EventType.AVAILABILITY_UPDATE, EventType.BOOKING_CANCEL]

    def test_a_deletion_by_django_is_told_once(self, linked: Reservation) -> None:
        Reservation.objects.all().delete()

        assert recorded_types() == [EventType.AVAILABILITY_UPDATE, EventType.BOOKING_CANCEL]

    def test_maintenance_and_room_types(self, double: RoomType) -> None:
        room = RoomFactory(room_type=double)
        MaintenanceBlock.objects.bulk_create([MaintenanceBlockFactory.build(room=room)])
        assert recorded_types() == [EventType.AVAILABILITY_UPDATE]

        by_sql("UPDATE maintenance_blocks SET reason = 'painting'")
        by_sql("UPDATE room_types SET name = name || ' (new)'")
        assert not CapturedChange.objects.exists()

        by_sql("UPDATE room_types SET units = units + 1")
        by_sql("DELETE FROM maintenance_blocks")
        assert recorded_types() == [EventType.AVAILABILITY_UPDATE]

    def test_rates_of_many_nights_are_one_event(self, channel_property: ChannelProperty, double: RoomType) -> None:
        plan = RatePlanFactory(room_type=double)
        RateMappingFactory(channel_property=channel_property, internal_id=plan.id)
        DailyRate.objects.bulk_create(
            [DailyRateFactory.build(rate_plan=plan, night=NIGHT + timedelta(days=number)) for number in range(30)]
        )
        assert recorded_types() == [EventType.RATE_UPDATE]

        by_sql("UPDATE daily_rates SET price = price + 1 WHERE night <> %s", NIGHT + timedelta(days=9))
        assert recorded_types() == [EventType.RATE_UPDATE] * 2

    def test_rates_set_by_the_service_are_told_once(self, channel_property: ChannelProperty, double: RoomType) -> None:
        plan = RatePlanFactory(room_type=double)
        RateMappingFactory(channel_property=channel_property, internal_id=plan.id)

        set_rates([RateChange(plan.id, NIGHT, NIGHT + timedelta(days=30), Decimal(99))])

        assert recorded_types() == [EventType.RATE_UPDATE]

    def test_a_bulk_write_that_its_host_told_is_not_told_again(self, double: RoomType) -> None:
        with transaction.atomic():
            made = Reservation.objects.bulk_create(unsaved(double, 3))
            reservations_changed([ReservationChange(None, host_pms().describe(one)) for one in made])

        assert not CapturedChange.objects.filter(model="pms.Reservation").exists()
        assert recorded_types() == sorted(CREATED * 3)

    def test_columns_of_the_host_alone_make_no_event(self, double: RoomType) -> None:
        ReservationFactory(room_type=double)
        Reservation.objects.update(hold_expires_at="2027-01-01T00:00Z", failure_reason="none")

        assert recorded_types() == CREATED

    def test_a_save_with_an_expression(self, linked: Reservation) -> None:
        from django.db.models import F

        linked.adults = F("adults") + 1
        linked.save()

        assert recorded_types() == CHANGED

    def test_what_is_rolled_back_leaves_nothing(self, linked: Reservation) -> None:
        with transaction.atomic():
            Reservation.objects.update(price=Decimal(1))
            transaction.set_rollback(True)

        assert not CapturedChange.objects.exists()
        assert recorded_types() == []

    def test_a_save_does_not_read_the_state_before(self, linked: Reservation) -> None:
        linked.notes = "late"
        with CaptureQueriesContext(connection) as statements:
            linked.save()

        reads = [one["sql"] for one in statements if "guests" in one["sql"] or 'FROM "reservations"' in one["sql"]]
        assert len(reads) == 1, reads  # The version, by the host itself.


@pytest.mark.django_db
class TestOrigin:
    """Writes for a channel go to the others alone."""

    @pytest.fixture
    def other(self, channel_property: ChannelProperty, double: RoomType) -> ChannelProperty:
        connected = ChannelConnectionFactory(
            channel_property__property=channel_property.property, channel_property__channel_name="other"
        )
        RoomTypeMappingFactory(channel_property=connected.channel_property, internal_id=double.id)
        found: ChannelProperty = connected.channel_property
        return found

    @pytest.mark.parametrize("by_signal", [True, False])
    def test_no_echo(
        self, channel_property: ChannelProperty, other: ChannelProperty, double: RoomType, by_signal: bool
    ) -> None:
        with transaction.atomic(), on_behalf_of(channel_property.id):
            if by_signal:
                ReservationFactory(room_type=double)
            else:
                Reservation.objects.bulk_create(unsaved(double, 1))

        consume_captured()
        (event,) = ChannelEvent.objects.all()
        assert (event.channel_property_id, event.event_type) == (other.id, EventType.AVAILABILITY_UPDATE)

    def test_the_mark_ends_with_its_block(self, channel_property: ChannelProperty, double: RoomType) -> None:
        with on_behalf_of(channel_property.id), transaction.atomic():
            Reservation.objects.bulk_create(unsaved(double, 1))
        Reservation.objects.bulk_create(unsaved(double, 1))

        assert list(CapturedChange.objects.order_by("id").values_list("origin", flat=True)) == [
            channel_property.id,
            None,
        ]

    def test_writes_of_both_kinds_to_one_row_are_told_apart(
        self, channel_property: ChannelProperty, linked: Reservation
    ) -> None:
        with on_behalf_of(channel_property.id):
            by_sql("UPDATE reservations SET adults = 3")
        by_sql("UPDATE reservations SET adults = 4")

        assert recorded_types() == CHANGED

    def test_an_error_inside_leaves_the_connection_usable(
        self, channel_property: ChannelProperty, double: RoomType
    ) -> None:
        with pytest.raises(ZeroDivisionError), on_behalf_of(channel_property.id):
            raise ZeroDivisionError
        Reservation.objects.bulk_create(unsaved(double, 1))

        assert CapturedChange.objects.get().origin is None


@pytest.mark.django_db(transaction=True)
class TestTransactions:
    """Rows that are really committed."""

    def test_a_save_in_autocommit(self, double: RoomType) -> None:
        ReservationFactory(room_type=double)

        assert not CapturedChange.objects.filter(model="pms.Reservation").exists()
        assert recorded_types() == CREATED

    def test_no_setting_is_left_in_the_session(self, channel_property: ChannelProperty) -> None:
        with transaction.atomic(), on_behalf_of(channel_property.id):
            assert current_origin() == str(channel_property.id)
        assert current_origin() == ""
        with transaction.atomic():
            with on_behalf_of(channel_property.id):
                pass
            assert current_origin() == ""

    def test_a_save_for_a_channel_in_autocommit_does_not_echo(
        self, channel_property: ChannelProperty, double: RoomType
    ) -> None:
        with on_behalf_of(channel_property.id):
            ReservationFactory(room_type=double)

        assert recorded_types() == []

    def test_events_and_rows_go_back_together(self, linked: Reservation) -> None:
        Reservation.objects.update(price=Decimal(1))
        with transaction.atomic():
            consume_captured()
            transaction.set_rollback(True)

        assert CapturedChange.objects.count() == 1
        assert recorded_types() == CHANGED

    def test_two_transactions_at_once_on_one_reservation(self, linked: Reservation) -> None:
        first_has_written, second_waits = threading.Event(), threading.Event()

        def second() -> None:
            first_has_written.wait(10)
            second_waits.set()
            by_sql("UPDATE reservations SET check_out = check_out + 1, adults = 2")
            connection.close()

        thread = threading.Thread(target=second)
        thread.start()
        with transaction.atomic():
            by_sql("UPDATE reservations SET check_out = check_out + 1")
            first_has_written.set()
            second_waits.wait(10)
        thread.join(10)

        rows = list(CapturedChange.objects.order_by("id"))
        assert rows[0].new_row == rows[1].old_row
        consume_captured()
        nights = ChannelEvent.objects.filter(event_type=EventType.AVAILABILITY_UPDATE)
        assert {found["end"] for found in nights.values_list("payload", flat=True)} == {
            str(linked.check_out + timedelta(days=more)) for more in range(3)
        }

    def test_two_relays_at_once_tell_it_once(self, double: RoomType) -> None:
        Reservation.objects.bulk_create(unsaved(double, 50))

        def relay() -> None:
            consume_captured()
            connection.close()

        threads = [threading.Thread(target=relay) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)

        assert recorded_types() == sorted(CREATED * 50)


@pytest.mark.django_db(transaction=True)
class TestFailures:
    """A row that cannot be turned into an event."""

    @pytest.mark.parametrize("error", [LookupError, OperationalError])
    def test_it_does_not_keep_the_others(
        self, double: RoomType, caplog: pytest.LogCaptureFixture, error: type[Exception]
    ) -> None:
        """An error of the database may be the row's own too, such as a statement that took too long."""
        first, unlucky, last = unsaved(double, 3)
        unlucky.price = Decimal(13)
        Reservation.objects.bulk_create([first, unlucky, last])

        with broken_description(error):
            assert recorded_types() == sorted(CREATED * 2)
        (kept,) = CapturedChange.objects.all()
        assert (kept.row_pk, kept.attempts, kept.last_error) == (str(unlucky.id), 1, error.__name__)
        assert kept.next_attempt_at is not None
        assert "Hopper" not in caplog.text

        assert recorded_types() == []
        CapturedChange.objects.update(next_attempt_at=kept.captured_at)
        assert recorded_types() == CREATED
        assert not CapturedChange.objects.exists()

    def test_a_deletion_that_goes_wrong_keeps_its_booking(self, linked: Reservation) -> None:
        Reservation.objects.update(price=Decimal(13))
        recorded_types()
        with broken_description():
            Reservation.objects.get().delete()
        assert not ChannelEvent.objects.exists()

        consume_captured()
        assert ChannelEvent.objects.get(event_type=EventType.BOOKING_CANCEL).entity_external_id == "5000001"

    @pytest.mark.parametrize("in_transaction", [True, False])
    def test_a_save_goes_through_all_the_same(self, double: RoomType, in_transaction: bool) -> None:
        (unlucky,) = unsaved(double, 1)
        unlucky.price = Decimal(13)
        with broken_description(), transaction.atomic() if in_transaction else nullcontext():
            unlucky.save()

        assert Reservation.objects.get() == unlucky
        assert CapturedChange.objects.get(model="pms.Reservation").attempts == 0
        assert recorded_types() == CREATED

    def test_after_the_last_attempt_it_is_left_and_reported(
        self, double: RoomType, caplog: pytest.LogCaptureFixture
    ) -> None:
        unlucky = unsaved(double, 1)
        unlucky[0].price = Decimal(13)
        Reservation.objects.bulk_create(unlucky)
        CapturedChange.objects.update(attempts=ATTEMPTS - 1, next_attempt_at="2020-01-01T00:00Z")

        with broken_description():
            assert recorded_types() == []
            assert recorded_types() == []
        assert f"made no event in {ATTEMPTS} attempts and is left: LookupError" in caplog.text
        assert "tried again" not in caplog.text
        assert "Hopper" not in caplog.text
        printed = StringIO()
        with pytest.raises(CommandError, match=r"^1 captured changes .* 'manage.py channel_sync_capture retry'\.$"):
            call_command("channel_sync_capture", "status", "--json", stdout=printed)

        left = {"model": "pms.Reservation", "last_error": "LookupError", "rows": 1, "attempts": ATTEMPTS}
        changes = json.loads(printed.getvalue())["changes"]
        assert (changes["left"], changes["waiting"], changes["waiting_by_model"]) == ([left], 0, [])
        call_command("channel_sync_capture", "retry", stdout=StringIO())
        assert recorded_types() == CREATED
        call_command("channel_sync_capture", "status", stdout=StringIO())

    def test_the_status_names_what_waits_by_model(self, double: RoomType) -> None:
        recorded_types()
        Reservation.objects.bulk_create(unsaved(double, 2))
        RoomType.objects.update(units=3)

        printed, plain = StringIO(), StringIO()
        call_command("channel_sync_capture", "status", "--json", stdout=printed)
        call_command("channel_sync_capture", "status", stdout=plain)

        changes = json.loads(printed.getvalue())["changes"]
        waiting = {one["model"]: one["rows"] for one in changes["waiting_by_model"]}
        assert (waiting, changes["waiting"]) == ({"pms.Reservation": 2, "pms.RoomType": 1}, 3)
        assert "captured changes that wait: 2 of pms.Reservation, the oldest of" in plain.getvalue()

    def test_a_block_whose_room_is_gone(self, double: RoomType) -> None:
        block = MaintenanceBlockFactory(room=RoomFactory(room_type=double))
        recorded_types()
        with transaction.atomic():
            by_sql("DELETE FROM maintenance_blocks WHERE id = %s", block.id)
            by_sql("DELETE FROM rooms WHERE id = %s", block.room_id)

        assert recorded_types() == []
        assert CapturedChange.objects.get().last_error == "RelatedObjectDoesNotExist"


@pytest.mark.usefixtures("captured_afterwards")
class TestInstallation:
    """The triggers come and go."""

    def test_what_is_current_is_left_alone(self) -> None:
        assert install_capture() == []
        assert set(capture_states().values()) == {TableState.CURRENT}
        assert check_capture(databases=["default"]) == []

    def test_a_missing_trigger_is_named_and_made(self) -> None:
        by_sql('DROP TRIGGER "CHANNEL_SYNC_CAPTURE_UPDATE" ON daily_rates')

        (problem,) = check_capture(databases=["default"])
        assert (problem.id, "daily_rates" in problem.msg) == ("channel_sync.W001", True)
        assert "channel_sync_capture install" in str(problem.hint)
        with pytest.raises(CommandError):
            call_command("channel_sync_capture", "status", stdout=StringIO())
        assert install_capture() == ['"daily_rates"']

    def test_an_outdated_trigger_is_made_anew_by_migrate(self) -> None:
        by_sql('COMMENT ON TRIGGER "CHANNEL_SYNC_CAPTURE_ROWS" ON reservations IS %s', "channel_sync 0123")

        assert [problem.id for problem in check_capture(databases=["default"])] == ["channel_sync.W002"]
        call_command("migrate", verbosity=0)
        assert check_capture(databases=["default"]) == []

    def test_a_disabled_trigger_is_named(self) -> None:
        by_sql("ALTER TABLE reservations DISABLE TRIGGER USER")
        assert capture_states()['"reservations"'] == TableState.DISABLED
        by_sql("ALTER TABLE reservations ENABLE TRIGGER USER")

    def test_a_table_that_is_followed_no_more(self, monkeypatch: pytest.MonkeyPatch) -> None:
        watched = host_pms().watched_models()
        fewer = type(watched)(availability=watched.availability, rates={})
        with monkeypatch.context() as patch:
            patch.setattr(Pms, "watched_models", lambda self: fewer)
            assert capture_states()["daily_rates"] == TableState.OBSOLETE
            assert install_capture() == ["daily_rates"]
        assert capture_states()['"daily_rates"'] == TableState.MISSING

    def test_remove_asks_first(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("builtins.input", lambda question: "n")
        with pytest.raises(CommandError):
            call_command("channel_sync_capture", "remove")
        assert set(capture_states().values()) == {TableState.CURRENT}

        call_command("channel_sync_capture", "remove", "--yes", stdout=StringIO())
        assert set(capture_states().values()) == {TableState.MISSING}

    def test_saves_are_followed_without_triggers(self, linked: Reservation) -> None:
        remove_capture()

        linked.check_out += timedelta(days=3)
        linked.save()

        assert recorded_types() == [EventType.AVAILABILITY_UPDATE] * 2 + CHANGED
        linked.delete()
        assert recorded_types() == [EventType.AVAILABILITY_UPDATE, EventType.BOOKING_CANCEL]

    def test_a_save_whose_triggers_another_process_removed(self, linked: Reservation) -> None:
        by_sql("DROP FUNCTION channel_sync_capture() CASCADE")

        linked.price = Decimal(1)
        linked.save()

        assert recorded_types() == [EventType.AVAILABILITY_UPDATE, *CHANGED]

    def test_switched_off_migrate_removes_them(self, settings: LazySettings, double: RoomType) -> None:
        settings.CHANNEL_SYNC = {**settings.CHANNEL_SYNC, "capture": False}
        assert {problem.id for problem in check_capture(databases=["default"])} == {"channel_sync.W003"}

        call_command("migrate", verbosity=0)
        assert set(capture_states().values()) == {TableState.MISSING}
        assert check_capture(databases=["default"]) == []
        ReservationFactory(room_type=double)
        assert recorded_types() == CREATED
        settings.CHANNEL_SYNC = {**settings.CHANNEL_SYNC, "capture": True}

    def test_the_host_writes_on_without_our_tables(self, double: RoomType) -> None:
        migrate([("channel_sync", "0014_unfinished_runs")])
        try:
            by_sql("UPDATE room_types SET units = units + 1")
            assert check_capture(databases=["default"]) == []
        finally:
            call_command("migrate", verbosity=0)
        assert set(capture_states().values()) == {TableState.CURRENT}

    def test_the_host_may_change_the_type_of_a_watched_column(self) -> None:
        by_sql("ALTER TABLE daily_rates ALTER COLUMN price TYPE numeric(14, 2)")
        by_sql("ALTER TABLE daily_rates ALTER COLUMN price TYPE numeric(10, 2)")

    def test_another_program_needs_no_right_on_our_tables(self, double: RoomType) -> None:
        by_sql("CREATE ROLE capture_test_program")
        try:
            by_sql("GRANT SELECT, UPDATE ON room_types TO capture_test_program")
            with transaction.atomic():
                by_sql("SET LOCAL ROLE capture_test_program")
                by_sql("UPDATE room_types SET units = units + 1 WHERE id = %s", double.id)
            assert recorded_types() == [EventType.AVAILABILITY_UPDATE]
        finally:
            by_sql("DROP OWNED BY capture_test_program; DROP ROLE capture_test_program")


def current_origin() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT coalesce(current_setting('channel_sync.origin', true), '')")
        (found,) = cursor.fetchone()
    return str(found)
