"""Every error that channel_sync raises.

Three branches decide what happens to an event: `Retryable` is tried again, `RateLimited` is put off,
`Fatal` goes to the dead letters at once. `WebhookRejected` never becomes an event.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from enum import StrEnum
from http import HTTPStatus
from typing import ClassVar
from uuid import UUID


class ChannelSyncError(Exception):
    """Base of every error raised by channel_sync."""


class CaptureNotInstalled(ChannelSyncError):
    """The triggers that capture writes could not be made or changed; the message says what to do."""


class WaitsFor(StrEnum):
    """What an event waits for that is put off: whether it is its own turn, or somebody has to do something."""

    TURN = ""
    CHANNEL = "channel"
    CREDITS = "credits"
    PAUSE = "pause"
    PARITY = "parity"
    LOGIN = "login"
    EVENT = "event"
    BOOKING = "booking"


class Retryable(ChannelSyncError):
    """The work may succeed later: a time-out, a server error, a lost connection."""

    waits_for: WaitsFor = WaitsFor.TURN


class ChannelUnavailable(Retryable):
    """The channel did not answer, or answered with a server error."""

    waits_for = WaitsFor.CHANNEL

    def __init__(self, message: str, *, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class RateLimited(Retryable):
    """The channel or our own budget says: not now.

    `retry_after` is the time until the window resets, where the channel told it.
    """

    waits_for = WaitsFor.CREDITS

    def __init__(self, message: str, *, retry_after: timedelta | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class NotYet(Retryable):
    """Something has to be before this event can be worked; it is put off and no attempt is counted."""

    def __init__(self, message: str, *, retry_after: timedelta, waits_for: WaitsFor = WaitsFor.TURN) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        self.waits_for = waits_for


class WorkerVanished(Retryable):
    """The lease of a claim is over and nobody renewed it: its process died, or hangs."""

    def __init__(self, attempt: int) -> None:
        super().__init__(f"The worker that held the event vanished during attempt {attempt}.")


class SecretUnreadable(NotYet):
    """A stored token or webhook secret that the keys of the settings do not decrypt; what needs it waits."""

    def __init__(self, where: str) -> None:
        super().__init__(
            f"{where} cannot be decrypted: it was encrypted with another SECRET_KEY or SALT_KEY. Put the old SALT_KEY "
            "behind the new one, an old SECRET_KEY into SECRET_KEY_FALLBACKS, or connect the property again.",
            retry_after=timedelta(minutes=5),
            waits_for=WaitsFor.LOGIN,
        )


class Fatal(ChannelSyncError):
    """Trying again cannot help until somebody changes the data or the mapping."""


class InvalidPayload(Fatal):
    """A payload does not have the shape that the channel documents; `field` names the culprit."""

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(
            f"Field '{field}': {problem}. Correct it at the channel, which sends it anew; then ignore this event."
        )
        self.field = field
        self.problem = problem


class UnmappedRoom(Fatal):
    """A booking names a channel room that no active mapping ties to a room type."""

    def __init__(self, external_room_id: str, channel_property: str) -> None:
        super().__init__(
            f"Room '{external_room_id}' of channel property '{channel_property}' is not mapped to a room type. "
            "Add a 'room_type' mapping for it; the event is then retried by itself."
        )
        self.external_room_id = external_room_id


class UnmappedRoomType(Fatal):
    """A reservation or its nights belong to a room type that is not mapped to a channel room."""

    def __init__(self, room_type_id: object, channel_property: str) -> None:
        super().__init__(
            f"Room type '{room_type_id}' is not mapped to a room of channel property '{channel_property}'. "
            "Add a 'room_type' mapping for it; the event is then retried by itself."
        )


class ComparisonFailed(Fatal):
    """Something went wrong while a booking was compared with its reservation; only the kind of error is kept."""

    def __init__(self, external_id: str, error: Exception) -> None:
        super().__init__(
            f"Booking {external_id} could not be compared: {type(error).__name__}. The log of the worker has the "
            "details. Fix the cause, then retry the event."
        )


class ReservationsUnreadable(Fatal):
    """The host's port failed while a comparison read reservations; only the kind of error is kept."""

    def __init__(self, method: str, error: Exception) -> None:
        super().__init__(
            f"The reservations could not be read from the PMS as they should: {method} raised {type(error).__name__}. "
            "The log of the worker says where. Correct the host's port, then compare again."
        )


class RefusedByChannel(Fatal):
    """The channel understood the call and refused it; trying the same call again cannot succeed."""

    def __init__(self, message: str, *, status: int, code: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.code = code


class SoldElsewhere(RefusedByChannel):
    """The channel has no unit left for a new booking: an OTA sold it, and the PMS has not heard of it yet."""

    def __init__(self, *, status: int) -> None:
        super().__init__(
            "The room was sold on another channel a moment ago: none is left on these nights. Offer the guest other "
            "dates or another room type; change the reservation to them and book it again.",
            status=status,
        )


class BatchRefused(Retryable):
    """A call for several bookings was refused as a whole; each is sent again by itself."""


class AuthenticationFailed(RefusedByChannel):
    """The channel refused the token of a call: it has expired, or lacks a scope."""


class LoginRefused(AuthenticationFailed):
    """The channel gives no token any more, or refuses the one it has just given: its property is connected again."""


class NotConnected(Fatal):
    """A channel property has no account and no tokens yet."""

    def __init__(self, channel_property: object) -> None:
        super().__init__(
            f"Channel property '{channel_property}' has no connection. Run 'manage.py channel_sync_connect' for it."
        )


class InvalidStay(ChannelSyncError):
    """A stay without a night, of less than one unit, or beyond all measure."""

    def __init__(self, check_in: date, check_out: date, units: int = 1) -> None:
        super().__init__(
            f"A stay of {units} units from {check_in} to {check_out} cannot be: it needs a unit, a check-out after its "
            "check-in, and at most 36,525 nights."
        )


class UnknownRoomType(ChannelSyncError):
    """The PMS has no such room type."""

    def __init__(self, room_type_id: object) -> None:
        super().__init__(f"The PMS has no room type '{room_type_id}'. Choose one that it has.")


class NotEnoughUnits(ChannelSyncError):
    """A room type has not enough free units on some night of a stay."""

    def __init__(self, room_type_id: object, free: int, wanted: int) -> None:
        super().__init__(
            f"Room type '{room_type_id}' has {max(free, 0)} free units for the whole stay, {wanted} are wanted. "
            "Choose other dates or another room type."
        )
        self.free = free
        self.wanted = wanted


class SoldOut(NotEnoughUnits):
    """A stay cannot be sold at the desk: on some of its nights there are not enough rooms. The message is for the desk.

    `free` and `wanted` are those of the worst night.
    """

    def __init__(self, nights: Sequence[date], *, free: int, wanted: int) -> None:
        named = ", ".join(str(night) for night in nights[:5]) + (", …" if len(nights) > 5 else "")
        left = f"only {free} left" if free > 0 else "none left"
        ChannelSyncError.__init__(
            self,
            f"There are not enough free rooms of this type on {named}: {left}, {wanted} wanted. Offer other dates or "
            "another room type.",
        )
        self.free = free
        self.wanted = wanted
        self.nights = nights


class CannotBookAgain(ChannelSyncError):
    """A reservation that failed cannot be sent to its channel again as it is."""

    def __init__(self, reservation_id: object, reason: str) -> None:
        super().__init__(f"Reservation '{reservation_id}' cannot be booked again: {reason}")


class NightsMissing(ChannelSyncError):
    """A stay that is changed needs units that others have."""

    def __init__(self, room_type_id: object, nights: Sequence[date]) -> None:
        named = ", ".join(str(night) for night in nights[:5])
        super().__init__(
            f"Room type '{room_type_id}' has not enough free units on {named}. Choose other dates or another room type."
        )
        self.nights = nights


class ConflictClosed(ChannelSyncError):
    """Somebody else, or a later reconciliation, has closed a conflict."""

    def __init__(self, conflict_id: object, status: str) -> None:
        super().__init__(f"Conflict '{conflict_id}' is {status} already. Nothing was done; look at it again.")


class ResolutionImpossible(ChannelSyncError):
    """A conflict of this kind, or in this state, has no such side to take."""

    def __init__(self, kind: str, resolution: str) -> None:
        super().__init__(
            f"A conflict of kind '{kind}' cannot be resolved by '{resolution}': that side has nothing to take over. "
            "Choose another resolution, or put it right by hand and dismiss the conflict."
        )


class HoldEnded(ChannelSyncError):
    """A hold is confirmed, released or expired: it keeps no unit any more."""

    def __init__(self, hold_id: object) -> None:
        super().__init__(
            f"Hold '{hold_id}' is not active any more, its units may be taken. Create a new hold, which looks at what "
            "is free."
        )


class EventInOtherState(ChannelSyncError):
    """An event is in no state in which a person may do this with it."""

    def __init__(self, event_id: object, status: str, verb: str) -> None:
        super().__init__(
            f"Event {event_id} is '{status}' and cannot be {verb}. Retry or ignore what failed or waits, replay "
            "what is settled or waits; leave to its worker what is being processed."
        )


class EventRedacted(EventInOtherState):
    """An event of a channel whose guest was taken out: applied, it would say that the guest has no name."""

    def __init__(self, event_id: object, redacted_at: datetime, verb: str) -> None:
        ChannelSyncError.__init__(
            self,
            f"Event {event_id} was redacted on {redacted_at:%Y-%m-%d}: its guest is not known any more, and it cannot "
            f"be {verb}. Compare bookings: what the channel still has comes in anew. Ignore it to put it away.",
        )


class GuestNotNamed(ChannelSyncError):
    """Nothing, or too little, says which guest is meant."""


class InvalidWindow(ChannelSyncError):
    """Days that a person wants compared are out of reason; `field` names which, the message the limit."""

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(problem)
        self.field = field


class InvalidMapping(ChannelSyncError):
    """A mapping names something that is not there, or not in the channel's form; `field` names the culprit."""

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(problem)
        self.field = field


class DuplicateMapping(ChannelSyncError):
    """One side of a mapping is tied to something else already."""

    def __init__(self, side: str, mapping_id: object) -> None:
        super().__init__(
            f"Its {side} is mapped already by the active mapping {mapping_id}. Change or delete that one first."
        )


class PropertyGone(ChannelSyncError):
    """The channel answers, and the account has no such property any more."""

    def __init__(self, channel_property: object) -> None:
        super().__init__(
            f"The account does not have {channel_property} any more. Check it at the channel, then connect it again."
        )


class ClosingUnderWay(ChannelSyncError):
    """A worker is closing the rooms of a property for its pause."""

    def __init__(self, channel_property: object) -> None:
        super().__init__(
            f"The rooms of {channel_property} are being closed at this moment. Nothing was changed; resume it when "
            "that is done, in a minute or so."
        )


class NotConfirmed(ChannelSyncError):
    """What closes rooms at the channel, or leaves them for sale there, is done only when a person has confirmed it."""

    def __init__(self, consequences: Sequence[str]) -> None:
        super().__init__(f"{' '.join(consequences)} Nothing was done. Send it again with 'confirm': true to go on.")
        self.consequences = consequences


def _code(*, is_spent: bool) -> str:
    if is_spent:
        return "Nothing was connected, but the invite code is spent: make another one at the channel."
    return "Nothing was done, and the invite code is not spent."


class MoveNotConfirmed(ChannelSyncError):
    """Connecting would move a property to another one of the channel, and nobody has said what becomes of the rest."""

    def __init__(self, consequences: Sequence[str], *, code_is_spent: bool = False) -> None:
        super().__init__(
            f"{' '.join(consequences)} {_code(is_spent=code_is_spent)} Say what becomes of its mappings and links: "
            "'after_move' is 'keep' or 'retire' ('--after-move')."
        )
        self.consequences = consequences


class BookingsNotSettled(ChannelSyncError):
    """What a property has sold is not in the PMS yet, and nobody would bring it in after it has lost its links."""

    def __init__(self, channel_property: object, number: int, *, code_is_spent: bool = False) -> None:
        super().__init__(
            f"{number} bookings of {channel_property} are not, or not wholly, in the PMS yet: their events wait or "
            "have failed, or their conflicts are open. Settle them first ('not in the PMS yet' on its page), or ignore "
            f"their events with a reason. {_code(is_spent=code_is_spent)}"
        )


class RoomsNotClosed(ChannelSyncError):
    """The rooms of a property that is to be moved could not be closed at the channel first."""

    def __init__(self, channel_property: object, why: str) -> None:
        super().__init__(
            f"The rooms of {channel_property} could not be closed first. {why} Nothing was moved, and the invite code "
            "is not spent. Try again, close them at the channel by hand, or leave them on sale."
        )


class RotationUnderWay(ChannelSyncError):
    """The old webhook secret is still taken: a third one would end it while the channel may still send it."""

    def __init__(self, channel_property: object) -> None:
        super().__init__(
            f"The webhook secret of {channel_property} is being rotated: no webhook has brought the new one yet. Set "
            "the webhook at the channel, or enter the new secret there; connecting again shows it once more. After "
            "'webhook_old_secret_for' the old one is not taken any more, and it can be rotated again."
        )


class ReportNotOffered(ChannelSyncError):
    """The OTA does not take this report of this booking, or not today."""


class ReportedBefore(ChannelSyncError):
    """The same was reported of the booking already."""

    def __init__(self, external_id: str, at: datetime | None, by: str) -> None:
        when = f" on {at:%Y-%m-%d at %H:%M %Z}" if at is not None else ""
        super().__init__(f"This was reported of booking {external_id}{when} by {by}. Say so if it is to be sent again.")


class ReportUnanswered(ChannelSyncError):
    """Nobody knows whether the OTA has the report."""

    def __init__(self, external_id: str) -> None:
        super().__init__(
            f"The channel gave no answer, so the report of booking {external_id} may have arrived or not. Look in the "
            "OTA's extranet before you send it again."
        )


class ReportNotAccepted(ChannelSyncError):
    """No parity report waits to be accepted, or it is too old, or another than the one that was looked at."""

    def __init__(self, channel_property: object) -> None:
        super().__init__(
            f"No report of {channel_property} waits to be accepted, or it is older than an hour, or both sides were "
            "compared again since. Look at the report that is there now, or compare again; then accept that."
        )


class AlreadyLive(ChannelSyncError):
    """A property of which everything is sent has no parity check to make."""

    def __init__(self, channel_property: object) -> None:
        super().__init__(
            f"{channel_property} is live: nothing of it is held back. What differs since is found by its "
            "reconciliation runs; 'manage.py channel_sync_reconcile' makes one at once."
        )


class NothingQueued(ChannelSyncError):
    """The broker did not take a task that a person asked for."""

    def __init__(self, reason: object) -> None:
        super().__init__(f"The broker did not take the task: {reason}. Nothing was started; try again when it is back.")


class IllegalTransition(ChannelSyncError):
    """An event was not in the state, or no longer under the claim, that the transition needs."""

    def __init__(self, event_id: object, target: str) -> None:
        super().__init__(
            f"Event {event_id} cannot become '{target}': it was settled or claimed by another worker meanwhile. "
            "Nothing was changed; look at the event for its present state."
        )


class PublishFailed(ChannelSyncError):
    """The broker did not confirm a message; the relay publishes the event later."""


class TopologyMismatch(ChannelSyncError):
    """An exchange or queue exists at the broker with other arguments than ours."""


class ConfigurationError(ChannelSyncError):
    """A setting is missing or has a value that cannot work."""


class ConnectedElsewhere(ConfigurationError):
    """The property of the channel is connected to another one of the PMS."""

    def __init__(
        self, channel_property: object, consequences: Sequence[str] = (), *, code_is_spent: bool = False
    ) -> None:
        said = " ".join(consequences) or f"{channel_property} is connected to another property of the PMS already."
        super().__init__(
            f"{said} {_code(is_spent=code_is_spent)} Name another property of the channel, or say that it is taken "
            "over: 'take_over' ('--take-over')."
        )
        self.consequences = consequences


class WebhookRejected(ChannelSyncError):
    """A webhook request is answered with an error and is not stored."""

    status: ClassVar[HTTPStatus] = HTTPStatus.BAD_REQUEST
    reason: ClassVar[str] = "malformed"


class MalformedWebhook(WebhookRejected):
    """The body is not a webhook of this channel."""


class UnknownChannel(WebhookRejected):
    """The address names a channel that the settings do not list."""

    status = HTTPStatus.NOT_FOUND
    reason = "unknown_channel"


class NotVerified(WebhookRejected):
    """The webhook is of no connected property, or not genuine: a stranger is not told which.

    `reason` is for the log and the metrics, and `answer` is the one of all of them. `property_ids` are our properties
    that it was refused for.
    """

    status = HTTPStatus.UNAUTHORIZED
    reason = "not_verified"
    answer: ClassVar[str] = (
        "The webhook names no connected property, or its secret header or signature is missing, wrong or too old. Look "
        "at the property's webhook with 'manage.py channel_sync_webhook'."
    )

    def __init__(self, message: str, *, property_ids: Sequence[UUID] = ()) -> None:
        super().__init__(message)
        self.property_ids = property_ids


class BadSignature(NotVerified):
    """The secret header or the signature is missing, wrong or too old."""

    reason = "bad_signature"


class UnknownProperty(NotVerified):
    """No connected channel property has the id that the webhook names."""

    reason = "unknown_property"


class WebhookTooLarge(WebhookRejected):
    """The body is larger than `webhook_max_bytes`."""

    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    reason = "too_large"


class InvalidCursor(ChannelSyncError):
    """A cursor of the feed that cannot be read."""

    def __init__(self, cursor: str) -> None:
        super().__init__(
            f"'{cursor[:40]}' is no cursor of the feed: send the 'next' of an earlier answer, or '0' for everything "
            "that is kept."
        )


class CursorGone(ChannelSyncError):
    """A cursor that lies ahead of everything that was ever numbered: it is of another database."""

    def __init__(self) -> None:
        super().__init__(
            "The feed has never been as far as this cursor: this database is not the one that it is from, or was "
            "restored since. Read your lists anew, and follow the feed from where it is now: ask without 'after'."
        )


class AddressRefused(ChannelSyncError):
    """A webhook subscription's address that nothing is sent to."""

    def __init__(self, host: str, reason: str) -> None:
        super().__init__(f"Nothing is sent to '{host}': {reason}")


class SubscriptionOff(ChannelSyncError):
    """A delivery that would go to a subscription that is switched off."""

    def __init__(self, subscription: object) -> None:
        super().__init__(f"The subscription of {subscription} is switched off: switch it on first.")


class NotificationGone(ChannelSyncError):
    """A delivery whose notification has been deleted by age, or may not be seen by its subscription's owner."""

    def __init__(self, delivery: object) -> None:
        super().__init__(f"What delivery {delivery} was about is not kept any more, and cannot be sent again.")
