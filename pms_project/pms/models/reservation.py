"""Guests and their reservations."""

from typing import Any

from django.contrib.postgres.fields import DateRangeField
from django.contrib.postgres.functions import RandomUUID
from django.contrib.postgres.indexes import GistIndex, OpClass
from django.core.validators import MinValueValidator
from django.db import models, transaction
from django.db.models.functions import Concat, Upper

from pms_project.pms.models.hotel import HotelSettings, RoomType


class Guest(models.Model):
    """Who stays."""

    id = models.UUIDField(primary_key=True, db_default=RandomUUID(), editable=False)
    first_name = models.CharField(max_length=200, blank=True)
    last_name = models.CharField(max_length=200, blank=True)
    email = models.CharField(max_length=320, blank=True)
    phone = models.CharField(max_length=64, blank=True)
    country = models.CharField(max_length=64, blank=True)

    class Meta:
        db_table = "guests"
        # For who looks for a guest by the beginning of a name or email: see `services/guests.py`.
        indexes = [
            models.Index(
                OpClass(Upper(Concat("first_name", models.Value(" "), "last_name")), name="text_pattern_ops"),
                name="idx_guests_first_and_last_name",
            ),
            models.Index(
                OpClass(Upper(Concat("last_name", models.Value(" "), "first_name")), name="text_pattern_ops"),
                name="idx_guests_last_and_first_name",
            ),
            models.Index(OpClass(Upper("email"), name="text_pattern_ops"), name="idx_guests_email"),
        ]

    def __str__(self) -> str:
        return f"{self.first_name} {self.last_name}".strip() or "Guest"


class ReservationStatus(models.TextChoices):
    """Where a reservation stands."""

    PENDING_SYNC = "PENDING_SYNC", "Waiting for the channel"
    CONFIRMED = "CONFIRMED", "Confirmed"
    REQUEST = "REQUEST", "Request, waits for a decision"
    INQUIRY = "INQUIRY", "Inquiry, takes no room"
    BLOCKED = "BLOCKED", "Dates blocked, no guest"
    CANCELLED = "CANCELLED", "Cancelled"
    FAILED = "FAILED", "Refused by the channel"


# A pending one takes its rooms by its hold, until that expires.
RESERVED_STATUSES = (ReservationStatus.CONFIRMED, ReservationStatus.REQUEST, ReservationStatus.BLOCKED)
CLOSED_STATUSES = (ReservationStatus.CANCELLED, ReservationStatus.FAILED)


class StayPhase(models.TextChoices):
    """What the front desk has marked; blank until it has, and then the dates say where the guest is."""

    IN_HOUSE = "IN_HOUSE", "In house"
    DEPARTED = "DEPARTED", "Departed"
    NO_SHOW = "NO_SHOW", "Did not come"


class StaleReservation(Exception):
    """The reservation was changed since it was read; `current` is its version now."""

    def __init__(self, reservation_id: object, current: int | None) -> None:
        super().__init__(
            f"Reservation '{reservation_id}' was changed meanwhile, it has version {current} now. Read it again and "
            "repeat the change."
        )
        self.reservation_id = reservation_id
        self.current = current


class StayNights(models.Func):
    """The nights from a day up to but without another, as a range of PostgreSQL."""

    function = "daterange"
    output_field = DateRangeField()


class Reservation(models.Model):
    """`units` rooms of one type for a stay; the check-out day is not a night."""

    id = models.UUIDField(primary_key=True, db_default=RandomUUID(), editable=False)
    hotel = models.ForeignKey(HotelSettings, on_delete=models.CASCADE, related_name="reservations", db_index=False)
    room_type = models.ForeignKey(RoomType, on_delete=models.PROTECT, related_name="reservations", db_index=False)
    guest = models.ForeignKey(Guest, on_delete=models.PROTECT, null=True, related_name="reservations")
    status = models.CharField(max_length=20, choices=ReservationStatus)
    phase = models.CharField(
        max_length=20, choices=StayPhase, blank=True, default="", db_default="", help_text="Blank: by the dates."
    )
    source = models.CharField(max_length=50, default="PMS", help_text="PMS, or the channel that sold it.")
    group_reference = models.CharField(
        max_length=255, blank=True, help_text="The same for all reservations of a group: the channel's, or our own."
    )
    channel_reference = models.CharField(max_length=255, blank=True, help_text="The OTA's own booking number.")
    check_in = models.DateField()
    check_out = models.DateField()
    units = models.PositiveSmallIntegerField(default=1, validators=[MinValueValidator(1)])
    adults = models.PositiveSmallIntegerField(default=1)
    children = models.PositiveSmallIntegerField(default=0)
    price = models.DecimalField(max_digits=12, decimal_places=2, null=True, blank=True)
    currency = models.CharField(max_length=3, blank=True)
    notes = models.TextField(blank=True)
    guest_comments = models.TextField(blank=True, db_default="", help_text="The guest's own words.")
    failure_reason = models.TextField(blank=True)
    hold_expires_at = models.DateTimeField(null=True, blank=True)
    version = models.IntegerField(null=True, default=1, db_default=1)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        db_table = "reservations"
        ordering = ["check_in", "id"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(check_out__gt=models.F("check_in")), name="reservations_stay_check"
            )
        ]
        indexes = [
            models.Index(fields=["room_type", "check_in", "check_out"], name="idx_reservations_room_dates"),
            # What is free is asked for nights to come: stays that are over lie before them in this index.
            models.Index(
                fields=["room_type", "check_out", "check_in"],
                include=["id", "units"],
                condition=models.Q(status__in=RESERVED_STATUSES),
                name="idx_reservations_reserved",
            ),
            models.Index(
                fields=["group_reference"],
                condition=~models.Q(group_reference=""),
                name="idx_reservations_group",
            ),
            # The lists: by arrival, of one hotel and of all, by departure, and what came last.
            models.Index(fields=["hotel", "check_in", "id"], name="idx_reservations_hotel_arrival"),
            models.Index(fields=["check_in", "id"], name="idx_reservations_arrival"),
            models.Index(fields=["check_out", "id"], name="idx_reservations_departure"),
            models.Index(fields=["created_at", "id"], name="idx_reservations_created"),
            # Who stays on some nights, however long: by two columns everybody who came before would be read.
            GistIndex(StayNights("check_in", "check_out"), name="idx_reservations_nights"),
            models.Index(
                fields=["channel_reference"],
                condition=~models.Q(channel_reference=""),
                name="idx_reservations_channel_ref",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.room_type} {self.check_in} - {self.check_out}"

    def save(self, **options: Any) -> None:
        """Save over the state that was read, and over no other: raises `StaleReservation`.

        `QuerySet.update` does not come by here: it is for columns that nobody decides by.
        """
        if self._state.adding:
            super().save(**options)
            return
        with transaction.atomic():
            stored = Reservation.objects.select_for_update().filter(pk=self.pk).values_list("version", flat=True)
            current = stored.first()
            if current != self.version:
                raise StaleReservation(self.pk, current)
            self.version = (current or 0) + 1
            if options.get("update_fields") is not None:
                options["update_fields"] = {*options["update_fields"], "version"}
            super().save(**options)
