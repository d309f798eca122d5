"""OTAs and the desk change the same bookings at the same time, with late, lost and doubled webhooks and killed workers.

`make chaos` runs it long, with webhooks up to 90 seconds late, `make test` short; CHAOS_SEED, CHAOS_ROUNDS and
CHAOS_LATEST set it up. In each round either side changes some fields of a booking, moves it to another room, or cancels
it; then all is left to settle, and each field has to have on both sides the value of the side that changed it. Where
both did, one of the two stands: the owner's, with a conflict that keeps the other, or the one of a side that had seen
the other's change already. What either side has cancelled is cancelled on both.
"""

from __future__ import annotations

import os
import random
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from datetime import date, timedelta
from http import HTTPStatus
from pathlib import Path
from signal import SIGKILL
from typing import Any

import pytest
import requests
from pytest_django.plugin import DjangoDbBlocker

from channel_sync.models import Conflict, ConflictKind, ConflictStatus, RateLimitBucket, ReservationLink
from pms_project.demo.parties import PmsApi
from pms_project.local_services.stack import WORKERS, start_worker
from pms_project.pms.models import ReservationStatus
from tests.chaos.checker import differences
from tests.end_to_end.installation import LOGIN, Installation, installation, models_of

ROUNDS = int(os.environ.get("CHAOS_ROUNDS", "20"))
SEED = int(os.environ.get("CHAOS_SEED", "1")) or random.randrange(1, 1_000_000)
ROUNDS_AT_ONCE = 20
LATEST_WEBHOOK_SECONDS = float(os.environ.get("CHAOS_LATEST", "4"))
# How many of the rounds end with a cancellation.
CANCELLED = 0.15
START = date.today() + timedelta(days=20)
SETTLE_SECONDS = 60
# Beds24 has no write that depends on what is there: what an OTA changes between our look and our write is lost there.
MOST_CROSSED = 0.1
OPTIONS: dict[str, Any] = {
    "processing_lease": 8,
    "lease_ttl": 3,
    "rescue_after": 5,
    "max_attempts": 8,
    "retry_delays": [1, 2, 4],
    "pace_interval": 0,
    # What no webhook tells is found by these.
    "reconcile_bookings_interval": 20,
}

pytestmark = [pytest.mark.processes, pytest.mark.timeout(300 + 10 * ROUNDS)]


@dataclass
class Both:
    """A booking on both sides, what each has changed of it in this batch, and whose word counts."""

    reservation: str
    booking: int
    owner: str
    arrival: date
    desk: dict[str, Any] = field(default_factory=dict)
    ota: dict[str, Any] = field(default_factory=dict)
    later: dict[str, str] = field(default_factory=dict)
    cancelled_by: tuple[str, ...] = ()


class Names:
    """A field: how the desk's API and Beds24 name it, and a value that nobody has used before."""

    def __init__(
        self, desk: str, ota: str, make: Callable[[int, date], Any], plain: Callable[[Any], Any] = str
    ) -> None:
        self.desk, self.ota, self.make, self.plain = desk, ota, make, plain

    def value_in(self, reservation: dict[str, Any]) -> Any:
        """What a reservation has in it."""
        at, _, inner = self.desk.partition(".")
        return self.plain(reservation[at][inner] if inner else reservation[at])


# What a value of the room is on either side, only the installation knows: both go by its name here.
ROOMS = ("Double Room", "Single Room", "Suite")
ROOM = "room"

FIELDS = {
    ROOM: Names("room_type", "roomId", lambda number, arrival: ROOMS[number % len(ROOMS)]),
    "notes": Names("notes", "notes", lambda number, arrival: f"note {number}"),
    "price": Names("price", "price", lambda number, arrival: 1000 + number, lambda value: f"{float(value):.2f}"),
    "children": Names("children", "numChild", lambda number, arrival: number % 9 + 1, int),
    "dates": Names("check_out", "departure", lambda number, arrival: str(arrival + timedelta(days=3 + number % 6))),
    "phone": Names("guest.phone", "phone", lambda number, arrival: f"3460000{number:04}"),
    "first name": Names("guest.first_name", "firstName", lambda number, arrival: f"Ada {number}"),
}


class Masters:
    """One run."""

    def __init__(self, site: Installation, start: Callable[[str], None]) -> None:
        self.site, self.start = site, start
        self.random = random.Random(SEED)
        self.number = 0
        self.bookings: list[Both] = []
        self.spare = ""
        self.kills = self.doubled = self.crossed = self.cancellations = 0

    def sell(self, number: int) -> None:
        """Half by OTAs, half at the desk; both sides have them."""
        arrivals = [START + timedelta(days=3 * place) for place in range(number + 1)]
        self.sell_all([("ota" if place < number // 2 else "desk", day) for place, day in enumerate(arrivals)])
        self.spare = self.bookings.pop().reservation

    def sell_all(self, wanted: Sequence[tuple[str, date]]) -> None:
        """Bookings by who makes them and when their guests arrive; once both sides have them."""
        room, room_type = int(self.site.rooms[ROOMS[0]]), self.site.room_types[ROOMS[0]]
        made: list[tuple[Any, str, date]] = []
        for owner, arrival in wanted:
            stay = str(arrival), str(arrival + timedelta(days=2))
            if owner == "ota":
                new = self.site.beds24.book(
                    roomId=room, channel="booking", arrival=stay[0], departure=stay[1], price=100,
                    lastName="Hopper", firstName="Grace",
                )  # fmt: skip
            else:
                new = self.site.pms.reserve(
                    room_type=room_type, check_in=stay[0], check_out=stay[1], price="100",
                    guest={"last_name": "Byron", "first_name": "Ada"},
                )  # fmt: skip
            made.append((new["id"], owner, arrival))
        self.wait_until_both_agree()
        for number, owner, arrival in made:
            link = ReservationLink.objects.get(**{"external_id" if owner == "ota" else "reservation_id": number})
            self.bookings.append(Both(str(link.reservation_id), int(link.external_id), owner, arrival))

    def batch(self) -> list[str]:
        """A round for each of some bookings, all at once; what is wrong after all has settled."""
        rounds = self.random.sample(self.bookings, min(ROUNDS_AT_ONCE, len(self.bookings)))
        self.site.beds24.behave(
            delay_seconds=self.random.uniform(0, LATEST_WEBHOOK_SECONDS),
            reorder_seconds=self.random.choice([0, 2]),
            copies=self.random.choice([0, 1, 2]),
        )
        work = [(one, *self.changes(one)) for one in rounds]
        with ThreadPoolExecutor(4) as pool:
            for done in [pool.submit(self.play, *item) for item in work]:
                done.result()
        if self.random.random() < 0.5:
            self.kill_a_worker()
        self.site.beds24.behave(delay_seconds=0, reorder_seconds=0, copies=1)
        # What a lost webhook would have told is found by the next push of the property.
        self.number += 1
        self.site.pms.change(self.spare, notes=f"note {self.number}")
        self.wait_until_both_agree()
        faults = [fault for one in rounds for fault in self.faults_of(one)]
        over = [one for one in rounds if one.cancelled_by]
        self.bookings = [one for one in self.bookings if one not in over]
        self.sell_all([(one.owner, one.arrival) for one in over])
        return faults

    def changes(self, one: Both) -> tuple[list[str], list[str], bool, float]:
        """What the desk and what the OTA changes, whether the OTA is first, and the time between."""
        one.desk, one.ota, one.later, one.cancelled_by = {}, {}, {}, ()
        if self.random.random() < CANCELLED:
            one.cancelled_by = self.random.choice([("desk",), ("ota",), ("desk", "ota")])
            self.cancellations += 1
        of_desk = self.random.sample(list(FIELDS), self.random.randint(0, 2))
        of_ota = self.random.sample(list(FIELDS), self.random.randint(0, 2))
        here = self.here(one) if of_desk or of_ota else {}
        for names, side in ((of_desk, one.desk), (of_ota, one.ota)):
            for name in names:
                side[name] = self.new_value(FIELDS[name], one.arrival, here)
        self.doubled += len(set(of_desk) & set(of_ota))
        return of_desk, of_ota, self.random.random() < 0.5, self.random.choice([0, 0, 0.1, 0.5])

    def new_value(self, names: Names, arrival: date, here: dict[str, Any]) -> Any:
        """A value that the field does not have: to set it to what it is changes nothing."""
        while True:
            self.number += 1
            value = names.make(self.number, arrival)
            if names.plain(value) != names.value_in(here):
                return value

    def play(self, one: Both, of_desk: list[str], of_ota: list[str], ota_first: bool, between: float) -> None:
        acts: list[Callable[[], None]] = [lambda: self.at_the_desk(one), lambda: self.at_the_ota(one)]
        for act in reversed(acts) if ota_first else acts:
            act()
            time.sleep(between)
        both = set(of_desk) & set(of_ota)
        one.later = dict.fromkeys(both, "desk" if ota_first else "ota")

    def at_the_desk(self, one: Both) -> None:
        changes: dict[str, Any] = {}
        for name, value in one.desk.items():
            at, _, inner = FIELDS[name].desk.partition(".")
            value = self.site.room_types[value] if name == ROOM else value
            changes[at] = {**changes.get(at, {}), inner: value} if inner else value
        desk = PmsApi(self.site.web, LOGIN, LOGIN)
        if changes:
            try:
                desk.change(one.reservation, **changes)
            except requests.HTTPError as error:
                if error.response.status_code != HTTPStatus.CONFLICT:
                    raise
                # The room is full, or the OTA has cancelled: the desk changes nothing then.
                one.desk = {}
        if "desk" in one.cancelled_by:
            desk.cancel(one.reservation)

    def at_the_ota(self, one: Both) -> None:
        changes = {FIELDS[name].ota: value for name, value in one.ota.items()}
        if ROOM in one.ota:
            changes["roomId"] = int(self.site.rooms[one.ota[ROOM]])
        if "ota" in one.cancelled_by:
            changes["status"] = "cancelled"
        if changes:
            self.site.beds24.change(one.booking, **changes)

    def kill_a_worker(self) -> None:
        name = self.random.choice(["inbound worker", "outbound worker"])
        self.site.processes.stop(name, SIGKILL)
        self.start(name)
        self.kills += 1

    def wait_until_both_agree(self) -> None:
        deadline = time.monotonic() + SETTLE_SECONDS
        while found := differences(self.site, START, START + timedelta(days=90)):
            assert time.monotonic() < deadline, "\n".join([f"CHAOS_SEED={SEED}: both sides differ", *found[:20]])
            time.sleep(0.5)

    def faults_of(self, one: Both) -> Iterator[str]:
        here, there = self.here(one), self.there(one)
        if one.cancelled_by:
            yield from self.faults_of_cancelled(one, here, there)
            return
        kept = Conflict.objects.filter(
            subject=f"booking:{one.booking}", kind=ConflictKind.CONCURRENT_CHANGE, status=ConflictStatus.OPEN
        ).first()
        for name, names in FIELDS.items():
            ours = names.value_in(here)
            theirs = names.plain(there[names.ota])
            desk, ota = (names.plain(side[name]) if name in side else None for side in (one.desk, one.ota))
            sides = f"{ours} here, {theirs} there, {desk} by the desk, {ota} by the OTA"
            what = f"booking {one.booking} of the {one.owner}, {name}: {sides}"
            if ours != theirs:
                yield f"{what}: differs"
            elif desk is not None and ota is not None and desk != ota:
                is_kept = kept is not None and name.replace("first name", "guest_name") in kept.pms_side["changed"]
                owner = "desk" if name == "notes" else one.owner
                wanted = {"desk": desk, "ota": ota}[owner if is_kept else one.later[name]]
                if ours == desk and one.later[name] == "ota" and not is_kept:
                    self.crossed += 1
                elif ours != wanted:
                    yield f"{what}: {wanted} should stand ({'a conflict' if is_kept else 'no conflict'})"
            elif (only := desk or ota) is not None and ours != only:
                yield f"{what}: lost"
        if kept is not None:
            Conflict.objects.filter(id=kept.id).update(status=ConflictStatus.DISMISSED)

    def faults_of_cancelled(self, one: Both, here: dict[str, Any], there: dict[str, Any]) -> Iterator[str]:
        what = f"booking {one.booking} of the {one.owner}, cancelled by {' and '.join(one.cancelled_by)}"
        if (here["status"], there["status"]) != (ReservationStatus.CANCELLED, "cancelled"):
            yield f"{what}: {here['status']} here, {there['status']} there"
        asks = Conflict.objects.filter(subject=f"booking:{one.booking}", kind=ConflictKind.CANCELLED_HERE)
        if (one.owner, one.cancelled_by) == ("ota", ("desk",)) and not asks.exists():
            yield f"{what}: nobody is asked to cancel it at the OTA"

    def there(self, one: Both) -> dict[str, Any]:
        """The booking, with its room by name."""
        found = next(found for found in self.site.beds24.bookings() if found["id"] == one.booking)
        names = {int(number): name for name, number in self.site.rooms.items()}
        return {**found, "roomId": names[found["roomId"]]}

    def here(self, one: Both) -> dict[str, Any]:
        """The reservation, with its room type by name."""
        found = self.site.pms.reservation(one.reservation)
        names = {number: name for name, number in self.site.room_types.items()}
        return {**found, "room_type": names[found["room_type"]]}


@pytest.fixture
def masters(tmp_path: Path, django_db_blocker: DjangoDbBlocker, broker_url: str) -> Iterator[Callable[[str], Masters]]:
    """Start an installation whose workers run a module."""
    with ExitStack() as stack:

        def begin(module: str) -> Masters:
            running: AbstractContextManager[Installation] = installation(
                os.environ["DATABASE_URL"], broker_url, tmp_path, credit_limit=1_000_000, **OPTIONS
            )
            site = stack.enter_context(running)
            stack.enter_context(django_db_blocker.unblock())
            stack.enter_context(models_of(site))
            RateLimitBucket.objects.update_or_create(
                channel_property=site.channel_property,
                defaults={"tokens": 1_000_000, "capacity": 1_000_000, "refill_rate": 1_000_000},
            )

            def start(name: str) -> None:
                start_worker(site.processes, name, WORKERS[name], module=module)

            for name in ("inbound worker", "outbound worker"):
                site.processes.stop(name)
                start(name)
            return Masters(site, start)

        yield begin


def test_no_change_of_either_side_is_lost(masters: Callable[[str], Masters]) -> None:
    run = masters("celery")
    run.sell(ROUNDS_AT_ONCE)
    rounds = 0
    while rounds < ROUNDS:
        faults = run.batch()
        rounds += ROUNDS_AT_ONCE
        assert faults == [], "\n".join([f"CHAOS_SEED={SEED}, after {rounds} rounds:", *faults])
    sys.stderr.write(
        f"two masters: CHAOS_SEED={SEED}, {rounds} rounds, {run.doubled} fields changed on both sides, "
        f"{run.crossed} of them crossed on the wire, {run.cancellations} cancelled, {run.kills} workers killed: clean\n"
    )
    assert run.crossed <= 1 + run.doubled * MOST_CROSSED


@pytest.mark.control
def test_without_the_merge_changes_are_lost(masters: Callable[[str], Masters]) -> None:
    """What the test above finds is the merge's doing."""
    run = masters("tests.chaos.unmerged_worker")
    run.sell(ROUNDS_AT_ONCE)

    def play() -> None:
        for _ in range(5):
            assert (faults := run.batch()) == [], "\n".join(faults)

    with pytest.raises(AssertionError, match=r"lost|should stand|differ"):
        play()
