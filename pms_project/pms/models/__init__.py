"""The tables of the PMS."""

from pms_project.pms.models.hotel import Beds24Config, HotelSettings, Room, RoomType
from pms_project.pms.models.maintenance import MaintenanceBlock
from pms_project.pms.models.rates import DailyRate, RatePlan
from pms_project.pms.models.reservation import TAKING_STATUSES, Guest, Reservation, ReservationStatus

__all__ = [
    "TAKING_STATUSES",
    "Beds24Config",
    "DailyRate",
    "Guest",
    "HotelSettings",
    "MaintenanceBlock",
    "RatePlan",
    "Reservation",
    "ReservationStatus",
    "Room",
    "RoomType",
]
