"""Why the PMS says no."""

from collections.abc import Sequence
from datetime import date
from uuid import UUID


class PmsError(Exception):
    """Base of what the services refuse."""


class NotWithinLimits(PmsError):
    """What was entered is beyond a limit of the desk; `field` names what, the message its limit."""

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(problem)
        self.field = field


class NotEnoughRooms(PmsError):
    """No free room on some night of the stay."""

    def __init__(self, free: int, wanted: int) -> None:
        super().__init__(f"{max(free, 0)} rooms are free for the whole stay, {wanted} are wanted. Choose other dates.")
        self.free = free


class NightsTaken(PmsError):
    """A change needs rooms that other guests have."""

    def __init__(self, nights: Sequence[date]) -> None:
        told = ", ".join(str(night) for night in nights[:5])
        super().__init__(f"There are not enough free rooms on {told}. Choose other dates or another room type.")
        self.nights = nights


class ReservationClosed(PmsError):
    """A reservation that was cancelled, or keeps its room no more, cannot be changed."""

    def __init__(self, status: str, advice: str = "Make a new one.") -> None:
        super().__init__(f"The reservation is {status}. {advice}")


class NotBookedAgain(PmsError):
    """A reservation cannot be booked again as it is; the message says why."""


class ReservationMoved(PmsError):
    """A reservation went to another room type while its change waited for the lock of the first."""

    def __init__(self, reservation_id: UUID) -> None:
        super().__init__(f"Reservation '{reservation_id}' was just moved. Read it again and repeat the change.")


class WrongPhase(PmsError):
    """The guest is not where this can be done: who has left is not checked out again."""

    def __init__(self, wanted: str, status: str, phase: str) -> None:
        at = phase or "not arrived"
        super().__init__(
            f"The reservation cannot become {wanted}: it is {status}, and its guest is {at.replace('_', ' ').lower()}. "
            "Where the mark is wrong, correct it in the admin."
        )


class ConfirmationNeeded(PmsError):
    """Somebody has to say that they want it all the same."""

    def __init__(self, warning: str) -> None:
        super().__init__(f"{warning} To cancel it here all the same, send confirm: true.")
