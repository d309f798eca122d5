"""The canonical types: what a booking, a range of nights or a rate is, whichever channel it comes from.

Dates of a stay are nights: `check_out` is not slept. Ranges name their first and last night, both included.
Money is a `Decimal` in major units of the property's currency.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, Self

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from channel_sync.errors import RefusedByChannel

# Rooms are blocked for many years; a longer booking is a slip, and each of its nights would be counted.
LONGEST_STAY = timedelta(days=36_525)
TOO_MUCH = 10**10


class BookingStatus(StrEnum):
    """What a booking is, in every channel's words translated."""

    CONFIRMED = "confirmed"
    REQUEST = "request"
    CANCELLED = "cancelled"
    BLOCKED = "blocked"
    INQUIRY = "inquiry"


class BookingChange(StrEnum):
    """What a notification says has happened: the inbound event types."""

    CREATED = "created"
    MODIFIED = "modified"
    CANCELLED = "cancelled"
    DELETED = "deleted"


class Canonical(BaseModel):
    """Base of the canonical types: frozen, strict about unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def _cents(value: Decimal) -> Decimal:
    """Rounded, and never minus zero: a price that was divided somewhere comes with all the digits of a float."""
    cents = value.quantize(Decimal("0.01")) + Decimal(0)
    if abs(cents) >= TOO_MUCH:
        raise ValueError(f"is not below {TOO_MUCH}")
    return cents


Money = Annotated[Decimal, Field(gt=-TOO_MUCH, lt=TOO_MUCH, allow_inf_nan=False), AfterValidator(_cents)]


class Guest(Canonical):
    """Who stays. Personal data: never logged."""

    first_name: str = ""
    last_name: str = ""
    email: str = ""
    phone: str = ""
    country: str = ""


class Stay(Canonical):
    """What both sides have to agree on; its hash tells whether anything changed."""

    status: BookingStatus
    check_in: date
    check_out: date
    units: int = Field(default=1, ge=1, le=1000)
    adults: int = Field(default=0, ge=0)
    children: int = Field(default=0, ge=0)
    guest: Guest = Guest()
    price: Money | None = None
    notes: str = ""

    @property
    def takes_room(self) -> bool:
        """Whether it lowers what is free: a cancelled one and an inquiry do not."""
        return self.status not in (BookingStatus.CANCELLED, BookingStatus.INQUIRY)

    @model_validator(mode="after")
    def _at_least_one_night(self) -> Self:
        if self.check_out <= self.check_in:
            raise ValueError(f"departure {self.check_out} is not after arrival {self.check_in}")
        return self


class Booking(Stay):
    """A booking as a channel knows it.

    `guest_comments` are the guest's own words: they come from the channel and are never sent to it. They and `group_id`
    are None where it does not say; `ota`, `ota_reference` and `currency` are blank then. What else the sender left out
    is named in `left_out`, in the words of `NAMED_FIELDS` or as `client_key`: its value here says nothing.
    """

    external_id: str
    guest_comments: str | None = None
    left_out: tuple[str, ...] = ()
    external_property_id: str = ""
    external_room_id: str
    external_unit_id: str = ""
    group_id: str | None = None
    ota: str = ""
    ota_reference: str = ""
    currency: str = ""
    booked_at: AwareDatetime | None = None
    modified_at: AwareDatetime | None = None
    cancelled_at: AwareDatetime | None = None
    client_key: str = Field(default="", description="The idempotency key under which we created it, if we did.")

    def taking(self, parts: Collection[str], stay: Stay) -> Self:
        """The stay of a reservation with these named fields, and all that only the channel knows, of the booking."""
        of_guest = {part.removeprefix(OF_GUEST) for part in parts if part.startswith(OF_GUEST)}
        taken = {name: getattr(self, name) for name in Stay.model_fields if name in parts}
        guest = stay.guest.model_copy(update={name: getattr(self.guest, name) for name in of_guest})
        kept = {name: getattr(stay, name) for name in Stay.model_fields}
        return self.model_copy(update={**kept, **taken, "guest": guest})

    def completed(self, stay: Stay) -> Self:
        """With the values of a stay for what the channel did not say: absent is not empty."""
        said = {part for part in NAMED_FIELDS if part not in self.left_out}
        return self.taking(said, stay)

    def as_push(self) -> BookingPush:
        """What had to be sent to bring the channel to this state."""
        return BookingPush(external_room_id=self.external_room_id, **self.model_dump(include=set(Stay.model_fields)))


class BookingCancellation(Canonical):
    """A cancelled booking of which nothing else can be read: its number is enough to cancel it."""

    external_id: str
    modified_at: AwareDatetime | None = None


class BookingPush(Stay):
    """A reservation on its way to a channel."""

    external_room_id: str

    def state_hash(self) -> str:
        """Equal for states that a channel shows equally: a price that is not sent comes back as 0."""
        return content_hash(self.model_copy(update={"price": self.price or Decimal("0.00")}))


OF_GUEST = "guest."
# What is in a field that nobody has filled.
NOTHING = ("", None, 0)
# What a booking can be asked for by name, and be sent without.
NAMED_FIELDS = (
    "status", "external_room_id", "check_in", "check_out", "units", "adults", "children", "price", "notes",
    *(f"{OF_GUEST}{name}" for name in Guest.model_fields),
)  # fmt: skip


def named_value(stay: BaseModel, name: str) -> Any:
    """The value of a named field; None where the stay has no such field."""
    value: Any = stay
    for part in name.split("."):
        value = getattr(value, part, None)
    return value


@dataclass(frozen=True)
class BookingWrite:
    """One booking to create (no `external_id`), to set to a state, or to cancel (no `push`), under its event's key.

    With `only`, names of `NAMED_FIELDS`, nothing else of the state is sent: the channel keeps what it has. New bookings
    of one `group` become a group, or join the booking that is its `leader` already. The channel is asked to refuse a
    new booking that it has no room for, unless `checks_availability` is False.
    """

    idempotency_key: str
    external_id: str | None
    push: BookingPush | None
    only: frozenset[str] | None = None
    group: str = ""
    leader: str | None = None
    checks_availability: bool = True

    def sends(self, name: str) -> bool:
        """Whether a named field of the state is sent."""
        return self.only is None or name in self.only

    def sent(self) -> dict[str, Any]:
        """What is kept in the log before the call is made."""
        if self.push is None:
            return {"external_id": self.external_id, "status": BookingStatus.CANCELLED.value}
        sent = self.push.model_dump(mode="json")
        return sent if self.only is None else {**sent, "only": sorted(self.only)}


class WriteOutcome(StrEnum):
    """What became of a written booking."""

    CREATED = "created"
    CHANGED = "changed"
    REFUSED = "refused"


@dataclass(frozen=True)
class WriteResult:
    """What became of one written booking: its id, or the channel's reason to refuse it.

    `warnings` are what the channel said of a booking that it took: a field that it dropped, an item that it refused.
    `dropped` names the fields, of `NAMED_FIELDS`, that did not arrive.
    """

    external_id: str
    outcome: WriteOutcome
    refused: RefusedByChannel | None = None
    warnings: tuple[str, ...] = ()
    dropped: frozenset[str] = frozenset()

    @classmethod
    def refusal(cls, error: RefusedByChannel) -> Self:
        """Nothing was written."""
        return cls("", WriteOutcome.REFUSED, error)


@dataclass(frozen=True)
class ClaimedNights:
    """Where and when a booking that is not applied yet takes a room; None is what cannot be read of it.

    `is_ours` is one that was made in the PMS, which counts it by itself.
    """

    external_room_id: str | None
    first_night: date | None
    last_night: date | None
    units: int = 1
    is_ours: bool = False

    def may_be_of(self, external_room_id: str, night: date) -> bool:
        """Whether it may take this room on this night: what is not known may be anything."""
        if self.external_room_id not in (None, external_room_id):
            return False
        if self.first_night is None or self.last_night is None:
            return True
        return self.first_night <= night <= self.last_night


class AvailabilityRange(Canonical):
    """`units` free units of a channel room on every night from `first_night` to `last_night`."""

    external_room_id: str
    first_night: date
    last_night: date
    units: int


CLOSURES = ("stop_sell", "closed_to_arrival", "closed_to_departure")


class RateTerms(Canonical):
    """What one night costs and under which restrictions it is sold; None leaves the channel's value."""

    price: Money | None = None
    min_stay: int | None = Field(default=None, ge=0)
    max_stay: int | None = Field(default=None, ge=0)
    stop_sell: bool = False
    closed_to_arrival: bool = False
    closed_to_departure: bool = False

    def closures(self) -> str:
        """The closures that hold, in one word: equal for terms that are closed equally."""
        return ",".join(name for name in CLOSURES if getattr(self, name))

    @classmethod
    def closed(cls, closures: str) -> RateTerms:
        """Terms with these closures and nothing else; the reverse of `closures`."""
        return cls(**{name: True for name in CLOSURES if name in closures.split(",")})


class RateRange(Canonical):
    """The same terms of one channel rate on every night from `first_night` to `last_night`.

    Closures go out where they differ from those that were `sent` last, or `resend` says so, and never without the
    `units` that may be sold then: a channel may open every room when a night is opened again.
    """

    external_rate_id: str
    first_night: date
    last_night: date
    terms: RateTerms
    sent: RateTerms | None = None
    resend: bool = False
    units: int | None = None


class BookingNotification(Canonical):
    """A webhook about one booking, or a booking of a list as its webhook would describe it.

    With `is_numbered` the key is the sender's own number of the event; otherwise it stands for the content, which a
    booking may come back to. `is_redelivery` is what the sender says: it has sent this webhook before.
    """

    change: BookingChange
    external_property_id: str
    external_id: str
    dedupe_key: str
    is_numbered: bool = False
    is_redelivery: bool = False
    occurred_at: AwareDatetime | None
    payload: dict[str, Any]


@dataclass(frozen=True)
class BookingPage:
    """Some of the bookings of a list, and whether there are more."""

    bookings: tuple[BookingNotification, ...]
    has_next: bool


class AvailabilityNotification(Canonical):
    """A webhook that says "read the calendar of this room again"; it carries no data. An unreadable room is blank."""

    external_property_id: str
    external_room_id: str
    dedupe_key: str
    occurred_at: AwareDatetime | None
    payload: dict[str, Any]


Notification = BookingNotification | AvailabilityNotification


class ChannelRoom(Canonical):
    """A room type at the channel, for mapping.

    `rates` are the ids of its rates and what the channel calls them, in their order; blank where it has no name.
    """

    external_id: str
    name: str
    units: int = 0
    rates: Mapping[str, str] = {}


class ChannelPropertyDetails(Canonical):
    """A property at the channel with its rooms; a currency that it does not say is blank."""

    external_id: str
    name: str
    currency: str = ""
    rooms: Sequence[ChannelRoom] = ()


class Credits(Canonical):
    """What the channel says about the budget of the account after a call."""

    limit: Decimal | None = None
    remaining: Decimal | None = None
    resets_in_seconds: int | None = None
    cost: Decimal | None = None


class ObservedCall(Canonical):
    """One HTTP call to a channel, without its content."""

    method: str
    path: str
    status: int | None
    milliseconds: int
    credits: Credits


class AccessToken(Canonical):
    """A short-lived token and the time it ends."""

    token: str = Field(repr=False)
    expires_at: datetime


def content_hash(content: BaseModel) -> str:
    """SHA-256 of the content, equal for equal content whatever the order of its fields."""
    serialised = json.dumps(content.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(serialised.encode()).hexdigest()
