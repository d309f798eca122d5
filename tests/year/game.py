"""A year of one hotel, day by day: what happens by a seed, and what has to be true every evening."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta

from channel_sync.channels.beds24.simulator.state import Json
from channel_sync.errors import ChannelSyncError, SoldElsewhere, UnmappedRoom, UnmappedRoomType
from channel_sync.models import OPEN_STATUSES, ChannelEvent, Conflict, ConflictStatus, EventStatus
from channel_sync.operations.event_actions import ignore_event, retry_event
from channel_sync.reconciliation.runs import WHOLE
from tests.year.channel_side import ChannelSide
from tests.year.clock import GameClock
from tests.year.desk import Desk
from tests.year.hotel import BY, UNITS, GameHotel
from tests.year.oracle import Fault, Kind, Oracle
from tests.year.webhooks import URL, HeldWebhooks
from tests.year.workers import Workers

START = datetime(2027, 2, 1, 5, tzinfo=UTC)
# What the product is known not to do yet; the oracle finds it all the same, and counts it.
TOLERATED: frozenset[Kind] = frozenset()
HOURS = range(7, 21)
ACTS_A_DAY = 6
DOUBLE_IS_SOLD_BY_TWO_PLANS = 12
SUITE_IS_MAPPED = 18
LOGGED = 60
# A difference that comes back by chance does not do so as often.
SAME_EVENINGS = 3
UNTIL_IT_IS_MAPPED = (f"{UnmappedRoom.__name__}:", f"{UnmappedRoomType.__name__}:")


@dataclass
class Spell:
    """Something that lasts: a pause, or an outage of the channel."""

    kind: str
    ends: datetime


@dataclass
class Game:
    """The state of the game between two days."""

    seed: int
    clock: GameClock
    hotel: GameHotel
    workers: Workers
    webhooks: HeldWebhooks
    desk: Desk
    channel: ChannelSide
    random: random.Random
    log: list[str]
    spell: Spell | None = None
    tolerated: Counter[Kind] = field(default_factory=Counter)
    spells: Counter[str] = field(default_factory=Counter)
    found_by_comparison: int = 0
    fixed: list[dict[str, int]] = field(default_factory=list)
    looked_at: int = 0
    looked_before_comparisons: int = 0

    @property
    def today(self) -> date:
        """The day in the game."""
        return self.clock.now().date()

    def note(self, text: str) -> None:
        """Keep what happened, to be shown when something is wrong."""
        self.log.append(f"{self.clock.now():%Y-%m-%d %H:%M} {text}")

    def begin(self) -> None:
        """A hotel with some bookings on either side goes live."""
        for _ in range(12):
            self.desk.reserve(self.today)
        self.hotel.go_live(URL)
        self.workers.settle()
        self.check(0)

    def day(self, number: int) -> None:
        """One day, from the morning until all is worked."""
        if number == DOUBLE_IS_SOLD_BY_TWO_PLANS:
            self.note("the second rate plan is sent")
            self.hotel.map_plan("Double Saver")
        if number == SUITE_IS_MAPPED:
            self.note("the suite is mapped")
            self.hotel.map_room("Suite")
            self.hotel.map_plan("Suite Flexible")
        if self.today.day == 1:
            ahead = self.today + timedelta(days=520)
            self.hotel.price(ahead, ahead + timedelta(days=40))
        self.desk.morning(self.today)
        for hour in sorted(self.random.choices(HOURS, k=ACTS_A_DAY)):
            self.clock.move_to(datetime.combine(self.today, time(hour, self.random.randrange(60)), UTC))
            self.end_spell()
            if self.random.random() < 1 / ACTS_A_DAY:
                self.begin_spell()
            self.act()
            self.handle_webhooks()
            # Now and then the workers are busy elsewhere.
            if self.random.random() < 0.6:
                self.workers.settle()
        self.desk.evening(self.today)
        self.clock.move_to(datetime.combine(self.today, time(21), UTC))
        self.end_spell()
        self.webhooks.deliver()
        self.workers.settle()
        self.desk.settle_conflicts(0.3)
        self.settle_failures()
        self.workers.settle()
        if self.spell is None:
            self.forget_calls()
            before = self.sold_too_often()
            self.check(number, [*before, *self.compare()])
        self.clock.move_to(datetime.combine(self.today + timedelta(days=1), time(5), UTC))

    def act(self) -> None:
        """Something happens, here or there."""
        today, desk, channel = self.today, self.desk, self.channel
        acts: list[tuple[int, Callable[[], object]]] = [
            (30, self.book_at_an_ota),
            (6, lambda: channel.change(today)),
            (7, lambda: channel.cancel(today)),
            (2, lambda: channel.write_notes(today)),
            (1, self.delete_at_the_channel),
            (12, lambda: desk.reserve(today)),
            (6, lambda: desk.reserve(today, walk_in=True)),
            (3, lambda: desk.reserve_a_group(today)),
            (6, lambda: desk.change(today)),
            (4, lambda: desk.upgrade(today)),
            (4, lambda: desk.cancel(today)),
            (2, lambda: desk.book_failed_again(today)),
            (3, lambda: desk.take_out_of_order(today)),
            (2, lambda: desk.put_into_order(today)),
            (4, lambda: desk.change_prices(today)),
            (2, lambda: desk.stop_sell(today)),
            (2, lambda: desk.delete_rates(today)),
            (5, lambda: desk.usual_prices(today)),
            (2, lambda: channel.close_by_hand(today)),
            (1, channel.open_by_hand),
            (1, lambda: channel.set_units_by_hand(today)),
            (1, lambda: channel.set_price_by_hand(today)),
        ]
        weights = [weight for weight, _ in acts]
        self.random.choices([act for _, act in acts], weights)[0]()

    def book_at_an_ota(self) -> None:
        """One room, or two."""
        name, first = self.desk.room_type(), self.today + timedelta(days=self.desk.lead_time())
        nights = self.random.choice([1, 2, 2, 3, 5])
        self.channel.book(name, first, nights, units=self.random.choice([1, 1, 1, 1, 2]))

    def delete_at_the_channel(self) -> None:
        """No webhook tells of it."""
        self.channel.delete(self.today)
        self.webhooks.are_missed = True

    def handle_webhooks(self) -> None:
        """Most come at once; some late, twice, or never."""
        luck = self.random.random()
        if luck < 0.6:
            self.webhooks.deliver()
        elif luck < 0.7:
            self.webhooks.deliver(copies=2)
        elif luck < 0.85:
            self.webhooks.delay()
        elif luck < 0.95:
            self.webhooks.lose()
        if self.random.random() < 0.4:
            self.webhooks.deliver_late()

    def begin_spell(self) -> None:
        """A pause of a day or two, or an outage of hours or a day."""
        if self.spell is not None:
            return
        luck = self.random.random()
        if luck < 0.04:
            self.spell = Spell("pause", self.clock.now() + timedelta(days=self.random.choice([1, 2]), hours=-4))
            self.hotel.pause()
            self.forget_calls()
        elif luck < 0.10:
            self.spell = Spell("outage", self.clock.now() + timedelta(hours=self.random.choice([1, 6, 22])))
            self.hotel.simulator.faults.add(_outage(self.random.choice([500, 503])))
        else:
            return
        self.spells[self.spell.kind] += 1
        self.note(f"{self.spell.kind} until {self.spell.ends:%Y-%m-%d %H:%M}")

    def end_spell(self) -> None:
        """It is over when its time has come."""
        if self.spell is None or self.clock.now() < self.spell.ends:
            return
        self.note(f"{self.spell.kind} is over")
        if self.spell.kind == "pause":
            written = [call for call in self.hotel.simulator.state.calls if call["method"] == "POST"]
            assert not written, f"YEAR_SEED={self.seed}: something was sent during a pause: {written}"
            self.hotel.resume()
        else:
            self.hotel.simulator.faults.clear()
        self.spell = None

    def forget_calls(self) -> None:
        """The simulator keeps every call: a year of them is a lot."""
        with self.hotel.simulator.state.lock:
            self.hotel.simulator.state.calls.clear()

    def settle_failures(self) -> None:
        """Somebody looks at failed events: what a later mapping settles waits, the rest is tried again or given up."""
        for event in ChannelEvent.objects.filter(status=EventStatus.FAILED).order_by("received_at"):
            error = event.last_error or ""
            if error.startswith(UNTIL_IT_IS_MAPPED):
                continue
            told = f"{event.routing_key} {event.entity_external_id} {error}"
            if error.startswith(f"{SoldElsewhere.__name__}:") or event.reopened_at is not None:
                self.note(f"given up: {told}")
                ignore_event(event, by=BY, reason="the guest has been told")
                continue
            self.note(f"tried again: {told}")
            try:
                retry_event(event, by=BY)
            except ChannelSyncError as refusal:
                self.note(f"which is refused: {refusal}")
                ignore_event(event, by=BY, reason=str(refusal))

    def sold_too_often(self) -> list[Fault]:
        """What is taken and for sale before anything is compared, where the PMS has heard of all that happened."""
        missed, self.webhooks.are_missed = self.webhooks.are_missed, bool(self.webhooks.late)
        is_worked = not ChannelEvent.objects.filter(status__in=OPEN_STATUSES).exists()
        if missed or not is_worked:
            return []
        self.looked_before_comparisons += 1
        return list(Oracle(self.hotel, self.today).sold_too_often())

    def compare(self) -> list[Fault]:
        """The comparisons that schedules make in a day; none fixes the same evening after evening."""
        runs = self.workers.compare(self.hotel.channel_property)
        fixed: Counter[str] = Counter()
        for run in runs:
            # Each day the whole calendar has a night more, which is sent then.
            fixed[str(run.kind)] += 0 if WHOLE in run.cursor else run.fixed
        fixed = +fixed
        if fixed:
            self.found_by_comparison += sum(fixed.values())
            self.note(f"compared: fixed {fixed}")
        self.fixed = [*self.fixed, fixed][-SAME_EVENINGS:]
        return [
            Fault(Kind.RESTLESS, f"{kind}: {number} on each of {SAME_EVENINGS} evenings")
            for kind, number in fixed.items()
            if [evening.get(kind) for evening in self.fixed] == [number] * SAME_EVENINGS
        ]

    def check(self, number: int, found: Sequence[Fault] = ()) -> None:
        """Both sides, by the oracle; raises `AssertionError` with the seed, the day and the last actions."""
        oracle = Oracle(self.hotel, self.today)
        faults = [*found, *oracle.faults(), *oracle.shown_wrongly()]
        self.looked_at += len(oracle.nights) * len(UNITS)
        self.tolerated.update(fault.kind for fault in faults if fault.kind in TOLERATED)
        wrong = [fault for fault in faults if fault.kind not in TOLERATED]
        if wrong:
            raise AssertionError(self.story(number, wrong))

    def story(self, number: int, wrong: list[Fault]) -> str:
        """What went wrong, and what happened before."""
        waiting = self.workers.open_events()
        conflicts = Conflict.objects.filter(status=ConflictStatus.OPEN)
        return "\n".join(
            [
                f"YEAR_SEED={self.seed}, day {number} ({self.today}): {len(wrong)} faults",
                *map(str, wrong[:15]),
                "open events:", *waiting,
                "open conflicts:", *(f"{one} {one.pms_side} {one.channel_side}"[:300] for one in conflicts[:15]),
                "the last actions:", *self.log[-LOGGED:],
            ]
        )  # fmt: skip

    def summary(self, days: int) -> str:
        """What was played."""
        return (
            f"year: YEAR_SEED={self.seed}, {days} days, {self.channel.sold} bookings of OTAs, {self.desk.made} of the "
            f"desk ({self.desk.refused} refused), {self.channel.changed + self.desk.changed} changes, "
            f"{self.webhooks.lost} webhooks lost, {self.spells['pause']} pauses, {self.spells['outage']} outages, "
            f"{self.workers.worked} events worked, {self.found_by_comparison} differences fixed by comparisons, "
            f"{Conflict.objects.count()} conflicts, {self.looked_at} room nights looked at, on "
            f"{self.looked_before_comparisons} evenings before anything was compared too; "
            f"faults tolerated: {dict(self.tolerated) or 'none'}"
        )


def _outage(status: int) -> Json:
    return {"kind": "status", "status": status, "times": -1}
