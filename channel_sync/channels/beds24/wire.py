"""The shapes of Beds24's JSON, as its API facts state them; lax about types, strict about what matters."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError

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

_date = TypeAdapter(date)

ALL_STATUSES = tuple(status.value for status in Beds24Status)


def _blank_is_none(value: Any) -> Any:
    return None if value == "" else value


def _blank_is_zero(value: Any) -> Any:
    return 0 if value in ("", None) else value


def _none_is_blank(value: Any) -> Any:
    return "" if value is None else value


def _utc(value: datetime | None) -> datetime | None:
    if value is None:
        return None
    return in_utc(value.replace(tzinfo=value.tzinfo or UTC))


MAX_ID_LENGTH = 100
# An id is a number or a string of digits and colons; Beds24 sends both spellings.
Identifier = Annotated[str, BeforeValidator(_none_is_blank), Field(max_length=MAX_ID_LENGTH)]
Text = Annotated[str, BeforeValidator(_none_is_blank)]
Count = Annotated[int, BeforeValidator(_blank_is_zero), Field(ge=0, le=1000)]
UtcTime = Annotated[datetime | None, BeforeValidator(_blank_is_none), AfterValidator(_utc)]
Amount = Annotated[
    Annotated[Decimal, Field(allow_inf_nan=False, ge=-(10**9), le=10**9)] | None, BeforeValidator(_blank_is_none)
]


class Wire(BaseModel):
    """Base of what Beds24 sends: unknown fields are left alone, numbers may come as strings and back."""

    model_config = ConfigDict(extra="ignore", frozen=True, coerce_numbers_to_str=True)


class InfoItem(Wire):
    """A coded note on a booking; ours carries the idempotency key."""

    code: Text = ""
    text: Text = ""


class WireBooking(Wire):
    """A booking, in a webhook or in `GET /bookings`."""

    id: Identifier
    propertyId: Identifier = ""
    roomId: Identifier
    unitId: Identifier = ""
    masterId: Identifier = ""
    roomQty: Annotated[int, BeforeValidator(lambda value: 1 if value in ("", None, 0, "0") else value)] = Field(
        default=1, ge=1, le=1000
    )
    status: Annotated[str, Field(min_length=1, max_length=50)]
    arrival: date
    departure: date
    numAdult: Count = 0
    numChild: Count = 0
    firstName: Text = ""
    lastName: Text = ""
    email: Text = ""
    phone: Text = ""
    mobile: Text = ""
    country2: Text = ""
    notes: Text = ""
    price: Amount = None
    channel: Text = ""
    apiReference: Text = ""
    currency: Text = ""
    bookingTime: UtcTime = None
    modifiedTime: UtcTime = None
    cancelTime: UtcTime = None
    infoItems: Annotated[list[InfoItem], BeforeValidator(lambda value: value or [])] = []


class WireBookingReference(Wire):
    """The least that names a booking: what a deletion carries."""

    id: Annotated[Identifier, Field(min_length=1)]
    propertyId: Annotated[Identifier, Field(min_length=1)]


class WireCalendarDay(Wire):
    """A range of equal days in `GET /inventory/rooms/calendar`; `to` is included."""

    model_config = ConfigDict(extra="allow", frozen=True, coerce_numbers_to_str=True, populate_by_name=True)

    first: date = Field(alias="from")
    last: date = Field(alias="to")
    numAvail: int | None = None
    minStay: int | None = None
    maxStay: int | None = None
    override: str | None = None


class WireRoomCalendar(Wire):
    """One room of the calendar."""

    roomId: Identifier
    calendar: list[WireCalendarDay] = []


class WireItemMessage(Wire):
    """One error or warning of one item of a POST."""

    action: Text = ""
    field: Text = ""
    message: Text = ""


class WireItemResult(Wire):
    """The answer to one item of a POST, in the order of the request."""

    success: bool
    new: dict[str, Any] | None = None
    errors: list[WireItemMessage] = []

    def told(self) -> str:
        """All errors in one line, without the values that were sent."""
        return (
            "; ".join(f"{error.field or error.action}: {error.message}" for error in self.errors) or "no reason given"
        )


class WirePage(Wire):
    """A page of a GET."""

    data: list[dict[str, Any]] = []
    pages: dict[str, Any] = {}

    @property
    def has_next(self) -> bool:
        """Whether there is another page."""
        return bool(self.pages.get("nextPageExists"))


def id_number(field: str, external_id: str) -> int:
    """An id the way Beds24 takes it. Raises `InvalidPayload` for one that a mapping has wrong."""
    if not (external_id.isascii() and external_id.isdecimal()):
        raise InvalidPayload(field, f"'{external_id}' is no number")
    return int(external_id)


def read_date(value: Any) -> date | None:
    """A date, or None for what is none."""
    try:
        return _date.validate_python(value)
    except ValidationError:
        return None


def read(shape: type[Shape], data: Any, prefix: str = "") -> Shape:
    """Read JSON data as a shape. Raises `InvalidPayload` that names the first wrong field, never its value."""
    try:
        return shape.model_validate(data)
    except ValidationError as error:
        raise invalid(error, prefix) from None


def invalid(error: ValidationError, prefix: str = "") -> InvalidPayload:
    """A validation error as `InvalidPayload`; input values stay out, they may be personal data."""
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    return InvalidPayload(prefix + ".".join(str(part) for part in first["loc"]), first["msg"])
