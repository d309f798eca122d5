"""The tables of the PMS."""

from pms_project.pms.models.hotel import Beds24Config, HotelSettings, Room, RoomType
from pms_project.pms.models.maintenance import MaintenanceBlock
from pms_project.pms.models.membership import HotelMembership
from pms_project.pms.models.rates import DailyRate, RatePlan
from pms_project.pms.models.reservation import (
    CLOSED_STATUSES,
    RESERVED_STATUSES,
    Guest,
    Reservation,
    ReservationStatus,
    StaleReservation,
    StayNights,
    StayPhase,
)

__all__ = [
    "CLOSED_STATUSES",
    "RESERVED_STATUSES",
    "Beds24Config",
    "DailyRate",
    "Guest",
    "HotelMembership",
    "HotelSettings",
    "MaintenanceBlock",
    "RatePlan",
    "Reservation",
    "ReservationStatus",
    "Room",
    "RoomType",
    "StaleReservation",
    "StayNights",
    "StayPhase",
]
