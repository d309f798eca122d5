"""Random life of a hotel against a count night by night: what is free, and who is let in, never differ."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any, ClassVar
from uuid import UUID

import pytest
from django.conf import LazySettings
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, Phase
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from channel_sync.channels.canonical import Booking
from channel_sync.channels.ranges import ONE_NIGHT, nights
from channel_sync.errors import HoldEnded, NotEnoughUnits
from channel_sync.inventory.availability import FreeNight, check_availability, free_units
from channel_sync.inventory.confirmation import Confirmation, confirm_at_channel, refuse_at_channel
from channel_sync.inventory.holds import create_hold, extend_hold
from channel_sync.inventory.reaper import expire_holds
from channel_sync.models import HoldStatus, InventoryHold
from channel_sync.pms import host_pms
from pms_project.pms.models import MaintenanceBlock, Reservation, ReservationStatus, Room, RoomType
from pms_project.pms.services.errors import NightsTaken, NotEnoughRooms, ReservationClosed
from pms_project.pms.services.reservations import (
    NewReservation,
    cancel_reservation,
    change_reservation,
    create_group,
    create_reservation,
)
from tests.factories import (
    ChannelConnectionFactory,
    HotelFactory,
    ReservationFactory,
    RoomFactory,
    RoomTypeFactory,
    RoomTypeMappingFactory,
)
from tests.integration.brute_force_inventory import ModelInventory, ModelStay, State

pytestmark = [pytest.mark.django_db, pytest.mark.timeout(600)]

# Across a year's end and the two nights on which European clocks are changed.
STARTS = [date(2027, 12, 28), date(2028, 3, 22), date(2028, 10, 25), date(2028, 2, 25)]
WINDOW = 9
STAYS = st.tuples(st.integers(0, 2), st.integers(0, WINDOW - 1), st.integers(1, 5), st.integers(1, 3))


class HotelLife(RuleBasedStateMachine):
    """Two room types that a channel sells, whose reservations wait under a hold, and one that the hotel sells alone."""

    steps: ClassVar[int] = 0
    holds_lapse: ClassVar[bool] = True
    stays = Bundle("stays")
    blocks = Bundle("blocks")

    def __init__(self) -> None:
        super().__init__()
        self.example = transaction.atomic()
        self.example.__enter__()
        hotel = HotelFactory()
        kinds = [RoomTypeFactory(hotel=hotel, units=units) for units in (2, 3, 5)]
        channel_property = ChannelConnectionFactory(channel_property__property=hotel).channel_property
        for kind in kinds[:2]:
            RoomTypeMappingFactory(channel_property=channel_property, internal_id=kind.id)
        self.kinds: list[RoomType] = kinds
        self.rooms: dict[UUID, list[Room]] = {
            kind.id: [RoomFactory(room_type=kind) for _ in range(kind.units)] for kind in kinds
        }
        self.sold_by_channel = {kind.id for kind in kinds[:2]}
        self.model = ModelInventory({kind.id: kind.units for kind in kinds})
        self.start = STARTS[0]

    @initialize(start=st.sampled_from(STARTS))
    def season(self, start: date) -> None:
        self.start = start

    def teardown(self) -> None:
        transaction.set_rollback(True)
        self.example.__exit__(None, None, None)

    def wanted(self, stay: tuple[int, int, int, int], state: State = State.RESERVED) -> ModelStay:
        kind, first, length, units = stay
        check_in = self.start + timedelta(days=first)
        return ModelStay(self.kinds[kind].id, check_in, check_in + timedelta(days=length), units, state)

    def kept(self, wanted: ModelStay) -> State:
        return State.HELD if wanted.room_type in self.sold_by_channel else State.RESERVED

    @rule(target=stays, stay=STAYS)
    def reserve(self, stay: tuple[int, int, int, int]) -> Any:
        wanted = self.wanted(stay)
        fits = self.model.free_for(wanted) >= wanted.units
        try:
            made = create_reservation(new(wanted))
        except NotEnoughRooms:
            assert not fits
            return multiple()
        assert fits
        wanted.state = self.kept(wanted)
        self.model.stays[made.id] = wanted
        return made.id

    @rule(target=stays, first=STAYS, second=STAYS)
    def reserve_a_group(self, first: tuple[int, int, int, int], second: tuple[int, int, int, int]) -> Any:
        wanted = [self.wanted(first), self.wanted(second)]
        try:
            made = create_group([new(one) for one in wanted])
        except NotEnoughRooms:
            made = []
        probe = ModelInventory(self.model.units, dict(self.model.stays), self.model.blocks)
        fits = True
        for number, one in enumerate(wanted):
            fits = fits and probe.free_for(one) >= one.units
            probe.stays[UUID(int=number)] = one
        assert bool(made) is fits
        for reservation, one in zip(made, wanted, strict=False):
            one.state = self.kept(one)
            self.model.stays[reservation.id] = one
        return multiple(*(reservation.id for reservation in made))

    @rule(target=stays, stay=STAYS)
    def book_at_the_channel(self, stay: tuple[int, int, int, int]) -> UUID:
        wanted = self.wanted(stay)
        (made,) = host_pms().create_reservations(self.kinds[0].hotel_id, [(wanted.room_type, booking(wanted))])
        self.model.stays[made] = wanted
        return made

    @rule(id=stays, stay=STAYS)
    def change(self, id: UUID, stay: tuple[int, int, int, int]) -> None:
        before = self.model.stays[id]
        wanted = self.wanted(stay, before.state)
        changes = {
            "room_type_id": wanted.room_type,
            "check_in": wanted.check_in,
            "check_out": wanted.check_out,
            "units": wanted.units,
        }
        differs = wanted != before
        # What its channel refused may be corrected, to be booked again; it takes nothing meanwhile.
        was_refused = Reservation.objects.get(id=id).status == ReservationStatus.FAILED
        try:
            with transaction.atomic():
                change_reservation(id, changes)
        except NightsTaken:
            assert before.state in (State.RESERVED, State.HELD)
            assert not self.model.may_move(id, wanted)
        except ReservationClosed:
            assert (before.state is State.ENDED and not was_refused) or (before.state is State.LAPSED and differs)
        else:
            assert before.state is not State.ENDED or was_refused
            assert not differs or was_refused or self.model.may_move(id, wanted)
            self.model.stays[id] = wanted

    @rule(id=stays, stay=STAYS)
    def change_at_the_channel(self, id: UUID, stay: tuple[int, int, int, int]) -> None:
        before = self.model.stays[id]
        if before.state is not State.RESERVED:
            return
        wanted = self.wanted(stay)
        host_pms().modify_reservation(id, wanted.room_type, booking(wanted))
        self.model.stays[id] = wanted

    @rule(id=stays)
    def cancel(self, id: UUID) -> None:
        cancel_reservation(id)
        self.model.stays[id].state = State.ENDED

    @rule(id=stays)
    def confirm(self, id: UUID) -> None:
        stay = self.model.stays[id]
        outcome = confirm_at_channel(id)
        status = Reservation.objects.get(id=id).status
        assert stay.state is not State.ENDED or outcome is Confirmation.NOT_WAITING
        if stay.state is State.HELD:
            assert outcome is Confirmation.CONFIRMED
            stay.state = State.RESERVED
        elif stay.state is State.LAPSED:
            fits = self.model.free_for(stay) >= stay.units
            assert outcome is (Confirmation.CONFIRMED if fits else Confirmation.ROOM_TAKEN)
            stay.state = State.RESERVED if fits else State.ENDED
        assert (status == ReservationStatus.CONFIRMED) is (stay.state is State.RESERVED)

    @rule(target=stays, stay=STAYS, reap=st.booleans(), sold=st.booleans())
    def confirm_after_the_expiry(self, stay: tuple[int, int, int, int], reap: bool, sold: bool) -> Any:
        made = self.reserve(stay)
        if not isinstance(made, UUID) or self.model.stays[made].state is not State.HELD:
            return made
        self.let_the_hold_expire(made)
        if reap:
            expire_holds()
        if sold:
            kind, first, length, _ = stay
            self.book_at_the_channel((kind, first, length, self.kinds[kind].units))
        self.confirm(made)
        return made

    @rule(id=stays)
    def refuse(self, id: UUID) -> None:
        refuse_at_channel(id, "the channel said no")
        stay = self.model.stays[id]
        if stay.state in (State.HELD, State.LAPSED):
            stay.state = State.ENDED

    @rule(id=stays)
    def let_the_hold_expire(self, id: UUID) -> None:
        over = timezone.now() - timedelta(seconds=1)
        InventoryHold.objects.filter(reservation_id=id, status=HoldStatus.ACTIVE).update(hold_expires_at=over)
        # Every event is open here: a sale that stands is extended, whenever the reaper comes.
        if self.holds_lapse and self.model.stays[id].state is State.HELD:
            self.model.stays[id].state = State.LAPSED

    @rule(id=stays)
    def extend(self, id: UUID) -> None:
        for hold in InventoryHold.objects.filter(reservation_id=id):
            try:
                extend_hold(hold.id, timedelta(minutes=5))
                assert self.model.stays[id].state is State.HELD
            except HoldEnded:
                assert self.model.stays[id].state is not State.HELD

    @rule()
    def reap(self) -> None:
        expire_holds()

    @rule(stay=STAYS)
    def hold_for_an_inquiry(self, stay: tuple[int, int, int, int]) -> None:
        wanted = self.wanted(stay, State.HELD)
        inquiry = ReservationFactory(
            room_type_id=wanted.room_type,
            hotel=self.kinds[0].hotel,
            status=ReservationStatus.INQUIRY,
            check_in=wanted.check_in,
            check_out=wanted.check_out,
        )
        fits = self.model.free_for(wanted) >= wanted.units
        try:
            create_hold(inquiry.id, wanted.room_type, wanted.check_in, wanted.check_out, wanted.units)
        except NotEnoughUnits:
            assert not fits
            return
        assert fits
        self.model.stays[inquiry.id] = wanted

    @rule(
        target=blocks,
        room=st.tuples(st.integers(0, 2), st.integers(0, 1)),
        first=st.integers(0, WINDOW),
        length=st.integers(1, 4),
    )
    def take_a_room_out_of_order(self, room: tuple[int, int], first: int, length: int) -> UUID:
        kind = self.kinds[room[0]]
        start = self.start + timedelta(days=first)
        taken = self.rooms[kind.id][room[1]]
        block = MaintenanceBlock.objects.create(room=taken, start=start, end=start + timedelta(days=length))
        self.model.blocks[block.id] = (kind.id, taken.id, block.start, block.end)
        return block.id

    @rule(id=consumes(blocks))
    def put_it_back_into_order(self, id: UUID) -> None:
        MaintenanceBlock.objects.get(id=id).delete()
        del self.model.blocks[id]

    @rule(stay=STAYS)
    def ask_for_a_stay(self, stay: tuple[int, int, int, int]) -> None:
        wanted = self.wanted(stay)
        assert check_availability(wanted.room_type, wanted.check_in, wanted.check_out) == self.model.free_for(wanted)

    @invariant()
    def every_night_is_the_same(self) -> None:
        HotelLife.steps += 1
        kinds = [kind.id for kind in self.kinds]
        for night in free_units(kinds, self.start - timedelta(days=1), self.start + timedelta(days=WINDOW + 6)):
            assert night.free == self.model.free(night.room_type_id, night.night), night


def new(wanted: ModelStay) -> NewReservation:
    return NewReservation(wanted.room_type, wanted.check_in, wanted.check_out, wanted.units)


def booking(wanted: ModelStay) -> Booking:
    return Booking(
        external_id="5000001",
        external_room_id="2001",
        status="confirmed",
        check_in=wanted.check_in,
        check_out=wanted.check_out,
        units=wanted.units,
    )


def live(phases: tuple[Phase, ...] = (Phase.generate, Phase.shrink)) -> None:
    run_state_machine_as_test(
        HotelLife,
        settings=hypothesis_settings(
            max_examples=60,
            stateful_step_count=50,
            deadline=None,
            derandomize=True,
            database=None,
            report_multiple_bugs=False,
            phases=phases,
            suppress_health_check=list(HealthCheck),
        ),
    )


@pytest.mark.parametrize("policy", ["strict", "optimistic"])
def test_what_is_free_never_differs_from_a_count_night_by_night(
    settings: LazySettings, monkeypatch: pytest.MonkeyPatch, policy: str
) -> None:
    settings.CHANNEL_SYNC = {**settings.CHANNEL_SYNC, "hold_policy": policy}
    monkeypatch.setattr(HotelLife, "holds_lapse", policy == "strict")
    HotelLife.steps = 0

    live()

    assert HotelLife.steps >= 2000


def test_a_count_over_the_whole_stay_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """The usual wrong answer, units less the stays that touch the dates, refuses guests who would have a room."""

    def whole_stay(room_type_id: UUID, check_in: date, check_out: date, **options: Any) -> int:
        touching = host_pms().reserved([room_type_id], check_in, check_out)
        holds = InventoryHold.objects.filter(
            status=HoldStatus.ACTIVE, room_type=room_type_id, check_in__lt=check_out, check_out__gt=check_in
        )
        taken = [units for *_, units in touching] + list(holds.values_list("units_held", flat=True))
        return RoomType.objects.get(id=room_type_id).units - sum(taken)

    def every_night(room_type_ids: Sequence[UUID], start: date, end: date, **options: Any) -> list[FreeNight]:
        return [
            FreeNight(room_type_id, night, whole_stay(room_type_id, start, end))
            for room_type_id in room_type_ids
            for night in nights(start, end - ONE_NIGHT)
        ]

    monkeypatch.setattr("channel_sync.inventory.holds.check_availability", whole_stay)
    monkeypatch.setattr("channel_sync.operations.selling.free_units", every_night)

    with pytest.raises(AssertionError):
        live(phases=(Phase.generate,))
