"""Why the PMS says no."""


class PmsError(Exception):
    """Base of what the services refuse."""


class NotEnoughRooms(PmsError):
    """No free room on some night of the stay."""

    def __init__(self, free: int, wanted: int) -> None:
        super().__init__(f"{max(free, 0)} rooms are free for the whole stay, {wanted} are wanted. Choose other dates.")
        self.free = free


class ReservationClosed(PmsError):
    """A cancelled or failed reservation cannot be changed."""

    def __init__(self, status: str) -> None:
        super().__init__(f"The reservation is {status}. Make a new one.")
