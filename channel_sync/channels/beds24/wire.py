"""The shapes of Beds24's JSON (docs/beds24.md): lax about types, strict about what matters."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    TypeAdapter,
    ValidationError,
)

from channel_sync.errors import InvalidPayload
from channel_sync.moments import in_utc


class Beds24Status(StrEnum):
    """`status` of a booking."""

    CONFIRMED = "confirmed"
    REQUEST = "request"
    NEW = "new"
    CANCELLED = "cancelled"
    BLACK = "black"
    INQUIRY = "inquiry"


Shape = TypeVar("Shape", bound=BaseModel)

ALL_STATUSES = tuple(status.value for status in Beds24Status)


# How databases write the date of nothing.
ZERO_DATE = re.compile(r"\s*(0000-00-00.*)?", re.DOTALL)
STARTS_WITH_A_DATE = re.compile(r"\s*\d{4}-\d{2}-\d{2}")


def _blank_is_none(value: Any) -> Any:
    return None if value == "" else value


def _only_dates(value: Any) -> Any:
    """None for what stands for no date; pydantic alone would read a number as seconds since 1970."""
    if value is None or (isinstance(value, str) and ZERO_DATE.fullmatch(value)):
        return None
    if not isinstance(value, str) or not STARTS_WITH_A_DATE.match(value):
        raise ValueError("is not a date such as 2026-12-31")
    return value.strip()


def _blank_is_zero(value: Any) -> Any:
    return 0 if value in ("", None) else value


def _none_is_blank(value: Any) -> Any:
    return "" if value is None else value


def _whole_is_text(value: Any) -> Any:
    """Some senders write every number as a float: 5000001.0 is the id 5000001."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else value


def _some_date(value: Any) -> Any:
    found = _only_dates(value)
    if found is None:
        raise ValueError("is missing")
    return found


def _utc(value: datetime | None) -> datetime | None:
    if value is None:
        return None
    return in_utc(value.replace(tzinfo=value.tzinfo or UTC))


# Ids are numbers, or strings of digits; Beds24 sends both spellings.
DIGITS = r"^[1-9][0-9]{0,18}$"
MAX_ID_LENGTH = 100
Identifier = Annotated[
    str, BeforeValidator(_whole_is_text), BeforeValidator(_none_is_blank), Field(max_length=MAX_ID_LENGTH)
]
Number = Annotated[Identifier, StringConstraints(pattern=DIGITS)]
Text = Annotated[str, BeforeValidator(_none_is_blank)]
Count = Annotated[int, BeforeValidator(_blank_is_zero), Field(ge=0, le=1000)]
Units = Annotated[int, Field(ge=-1_000_000, le=1_000_000)]
Day = Annotated[date, BeforeValidator(_some_date)]
UtcTime = Annotated[datetime | None, BeforeValidator(_only_dates), AfterValidator(_utc)]
# 240 and "240.00" are one amount.
Amount = Annotated[
    Annotated[Decimal, Field(allow_inf_nan=False), AfterValidator(Decimal.normalize)] | None,
    BeforeValidator(_blank_is_none),
]


class Wire(BaseModel):
    """Base of what Beds24 sends: unknown fields are left alone, numbers may come as strings and back."""

    model_config = ConfigDict(extra="ignore", frozen=True, coerce_numbers_to_str=True)


class InfoItem(Wire):
    """A coded note on a booking; ours carries the idempotency key."""

    code: Text = ""
    text: Text = ""


def readable_info_items(value: Any) -> list[InfoItem]:
    """Ours can be read; another that cannot is no reason to lose the booking."""
    items = value if isinstance(value, list) else []
    return [found for found in (read_or_none(InfoItem, item) for item in items) if found is not None]


class WireBooking(Wire):
    """A booking, in a webhook or in `GET /bookings`."""

    id: Number
    propertyId: Identifier = ""
    roomId: Number
    unitId: Identifier = ""
    masterId: Identifier = ""
    roomQty: Annotated[int, BeforeValidator(lambda value: 1 if value in ("", None, 0, "0") else value)] = Field(
        default=1, ge=1, le=1000
    )
    status: Annotated[str, Field(min_length=1, max_length=50)]
    arrival: Day
    departure: Day
    numAdult: Count = 0
    numChild: Count = 0
    firstName: Text = ""
    lastName: Text = ""
    email: Text = ""
    phone: Text = ""
    mobile: Text = ""
    country2: Text = ""
    comments: Text = ""
    notes: Text = ""
    price: Amount = None
    channel: Text = ""
    apiReference: Text = ""
    currency: Text = ""
    bookingTime: UtcTime = None
    modifiedTime: UtcTime = None
    cancelTime: UtcTime = None
    infoItems: Annotated[list[InfoItem], BeforeValidator(readable_info_items)] = []


class WireBookingReference(Wire):
    """The least that a booking is known by: what a deletion carries, and all that a cancellation needs."""

    id: Number
    modifiedTime: UtcTime = None


class WireCalendarDay(Wire):
    """A range of equal days in `GET /inventory/rooms/calendar`; `to` is included."""

    model_config = ConfigDict(extra="allow", frozen=True, coerce_numbers_to_str=True, populate_by_name=True)

    first: Day = Field(alias="from")
    last: Day = Field(alias="to")
    numAvail: Units | None = None
    minStay: int | None = None
    maxStay: int | None = None
    override: str | None = None


class WireRoomCalendar(Wire):
    """One room of the calendar."""

    roomId: Number
    calendar: list[WireCalendarDay] = []


class WirePriceRule(Wire):
    """A price slot of a room, by its number, and its name."""

    id: Annotated[int, Field(ge=1, le=16)]
    name: Text = ""


def _readable_price_rules(value: Any) -> list[WirePriceRule]:
    items = value if isinstance(value, list) else []
    return [found for found in (read_or_none(WirePriceRule, item) for item in items) if found is not None]


class WireRoom(Wire):
    """A room type in `GET /properties`."""

    id: Number
    name: Text = ""
    qty: Annotated[Units, BeforeValidator(_blank_is_zero)] = 0
    priceRules: Annotated[list[WirePriceRule], BeforeValidator(_readable_price_rules)] = []


class WireProperty(Wire):
    """A property in `GET /properties`; the list of its rooms has two spellings."""

    id: Number
    name: Text = ""
    currency: Text = ""
    roomTypes: list[Any] | None = None
    rooms: list[Any] | None = None


class WireItemMessage(Wire):
    """One error, warning or remark about one item of a POST."""

    id: Identifier = ""
    action: Text = ""
    field: Text = ""
    message: Text = ""

    def __str__(self) -> str:
        return f"{self.field or self.action}: {self.message}"


def _object_or_none(value: Any) -> Any:
    return value if isinstance(value, dict) else None


def _readable_messages(value: Any) -> list[WireItemMessage]:
    items = value if isinstance(value, list) else []
    return [found for found in (read_or_none(WireItemMessage, item) for item in items) if found is not None]


Messages = Annotated[list[WireItemMessage], BeforeValidator(_readable_messages)]
# What `info` calls the making of a booking.
CREATED_ACTION = "new booking"


class WireItemResult(Wire):
    """The answer to one item of a POST, in the order of the request; what it explains may be in any shape."""

    success: bool
    new: Annotated[dict[str, Any] | None, BeforeValidator(_object_or_none)] = None
    modified: Annotated[dict[str, Any] | None, BeforeValidator(_object_or_none)] = None
    errors: Messages = []
    warnings: Messages = []
    info: Messages = []

    def created_id(self) -> str:
        """The id of what was created, whatever `success` says; blank when nothing was.

        A booking is created although an item of it was refused: `success` is false then.
        """
        found = [str((self.new or {}).get("id") or "")]
        found += [remark.id for remark in self.info if remark.action == CREATED_ACTION]
        return next((one for one in found if is_id(one)), "")

    def says_no_availability(self) -> bool:
        """Whether an error is about the room or the dates, and says that none is available."""
        about = ("", "roomId", "unitId", "arrival", "departure")
        return any(error.field in about and "availab" in error.message.lower() for error in self.errors)

    def reasons(self) -> str:
        """All errors in one line, without the values that were sent; some refusals come with warnings alone."""
        return "; ".join(map(str, self.errors or self.warnings)) or "no reason given"

    def remarks(self) -> tuple[str, ...]:
        """What was said against something that was written all the same: fields and items that were dropped."""
        return tuple(map(str, [*self.errors, *self.warnings]))


class WirePage(Wire):
    """A page of a GET; its items are read one by one."""

    data: list[Any] = []
    pages: dict[str, Any] = {}

    @property
    def has_next(self) -> bool:
        """Whether there is another page."""
        return bool(self.pages.get("nextPageExists"))


def is_id(text: str) -> bool:
    """Whether a text can be the id of a booking or a room."""
    return re.fullmatch(DIGITS, text) is not None


def id_number(field: str, external_id: str) -> int:
    """An id the way Beds24 takes it. Raises `InvalidPayload` for one that a mapping has wrong."""
    if not (external_id.isascii() and external_id.isdecimal()):
        raise InvalidPayload(field, f"'{external_id}' is no number")
    return int(external_id)


_day = TypeAdapter[date](Day)
_time = TypeAdapter[datetime | None](UtcTime)


def read_date(value: Any) -> date | None:
    """A date, or None for what is none."""
    try:
        return _day.validate_python(value)
    except ValidationError:
        return None


def read_time(value: Any) -> datetime | None:
    """A time, or None for what is none."""
    try:
        return _time.validate_python(value)
    except ValidationError:
        return None


def read(shape: type[Shape], data: Any, prefix: str = "") -> Shape:
    """Read JSON data as a shape. Raises `InvalidPayload` that names the first wrong field, never its value."""
    try:
        return shape.model_validate(data)
    except ValidationError as error:
        raise invalid(error, prefix) from None


def read_or_none(shape: type[Shape], data: Any) -> Shape | None:
    """Read JSON data as a shape; None where it cannot be."""
    try:
        return shape.model_validate(data)
    except ValidationError:
        return None


def invalid(error: ValidationError, prefix: str = "") -> InvalidPayload:
    """A validation error as `InvalidPayload`; input values stay out, they may be personal data."""
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    field = prefix + ".".join(str(part) for part in first["loc"])
    return InvalidPayload(field, first["msg"].removeprefix("Value error, "))
