"""The PMS in Django admin."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from pms_project.pms.models import (
    DailyRate,
    Guest,
    HotelSettings,
    MaintenanceBlock,
    RatePlan,
    Reservation,
    Room,
    RoomType,
)
from pms_project.pms.services.errors import NotWithinLimits, PmsError
from pms_project.pms.services.limits import (
    Entered,
    require_nights,
    require_price,
    require_reservation,
    require_stay_lengths,
    today_at,
)
from pms_project.pms.services.reservations import book_again


class RoomInline(admin.TabularInline):
    """The rooms of a room type."""

    model = Room
    extra = 0


@admin.register(HotelSettings)
class HotelAdmin(admin.ModelAdmin):
    """Hotels."""

    list_display = ("name", "time_zone", "currency")
    search_fields = ("name",)


@admin.register(RoomType)
class RoomTypeAdmin(admin.ModelAdmin):
    """Room types with their rooms."""

    list_display = ("name", "hotel", "units")
    list_filter = ("hotel",)
    list_select_related = ("hotel",)
    search_fields = ("name",)
    inlines = (RoomInline,)


@admin.register(RatePlan)
class RatePlanAdmin(admin.ModelAdmin):
    """Rate plans."""

    list_display = ("name", "room_type")
    list_select_related = ("room_type",)
    search_fields = ("name",)


class DailyRateForm(forms.ModelForm):
    """Has the limits of the API."""

    def clean(self) -> dict[str, Any]:
        """Price, lengths of stay and night within reason."""
        cleaned: dict[str, Any] = super().clean() or {}
        if not self.errors:
            hotel, night = cleaned["rate_plan"].room_type.hotel, cleaned["night"]
            with _refused_in(self):
                require_price(cleaned["price"], DailyRate)
                require_stay_lengths(cleaned["min_stay"], cleaned["max_stay"])
                if "night" in self.changed_data:
                    require_nights(night, night + timedelta(days=1), today_at(hotel))
        return cleaned


@admin.register(DailyRate)
class DailyRateAdmin(admin.ModelAdmin):
    """Prices and restrictions by night."""

    form = DailyRateForm
    list_display = ("rate_plan", "night", "price", "min_stay", "max_stay", "stop_sell")
    list_filter = ("rate_plan__room_type",)
    list_select_related = ("rate_plan__room_type",)
    date_hierarchy = "night"


@admin.register(Guest)
class GuestAdmin(admin.ModelAdmin):
    """Guests."""

    search_fields = ("last_name", "first_name", "email")

    def has_change_permission(self, request: object, obj: Guest | None = None) -> bool:
        """A guest is changed with the reservation, through the API: channels have to hear of it."""
        return False


class ReservationForm(forms.ModelForm):
    """Carries the version that was shown: a save over a newer one is refused."""

    class Meta:
        model = Reservation
        fields = (
            "guest", "phase", "source", "group_reference", "channel_reference", "adults", "children", "price",
            "currency", "notes", "version",
        )  # fmt: skip
        widgets = {"version": forms.HiddenInput}

    def clean(self) -> dict[str, Any]:
        """Compare with the version that is stored now; between here and the save, the save itself compares."""
        cleaned: dict[str, Any] = super().clean() or {}
        stored = Reservation.objects.values_list("version", flat=True).get(pk=self.instance.pk)
        if cleaned.get("version") != stored:
            raise forms.ValidationError(
                "The reservation was changed while this page was open. Reload it, and repeat your change."
            )
        if not self.errors:
            # The guest is one that is there already.
            changed = frozenset(self.changed_data) - {"guest"}
            with _refused_in(self):
                require_reservation(Entered(cleaned, changed), self.instance.hotel)
        return cleaned


@admin.register(Reservation)
class ReservationAdmin(admin.ModelAdmin):
    """Reservations; they are made and cancelled through the API, which looks at free rooms."""

    form = ReservationForm
    # A property that is paused is said above: what is changed here is not at the channel then.
    change_list_template = "admin/channel_sync/paused_list.html"
    change_form_template = "admin/channel_sync/paused_form.html"
    list_display = ("id", "room_type", "check_in", "check_out", "units", "status", "phase", "source")
    list_filter = ("status", "phase", "source", "hotel")
    list_select_related = ("room_type",)
    search_fields = ("=id", "channel_reference", "guest__last_name")
    date_hierarchy = "check_in"
    raw_id_fields = ("guest",)
    actions = ("book_again",)
    readonly_fields = (
        "status", "room_type", "hotel", "check_in", "check_out", "units", "guest_comments", "failure_reason",
        "hold_expires_at",
    )  # fmt: skip

    class Media:
        css = {"all": ("channel_sync/admin.css",)}

    @admin.action(description="Book again (failed reservations)", permissions=["change"])
    def book_again(self, request: HttpRequest, queryset: QuerySet[Reservation]) -> None:
        """Send failed reservations to their channel again; each by itself, with its own outcome."""
        booked = 0
        for reservation in queryset:
            try:
                book_again(reservation.id, by=request.user.get_username())
                booked += 1
            except PmsError as error:
                messages.error(request, f"{reservation}: {error}")
        if booked:
            messages.success(request, f"{booked} reservations wait for their channel, or are confirmed.")

    def has_add_permission(self, request: object) -> bool:
        """Through the API."""
        return False

    def has_delete_permission(self, request: object, obj: Reservation | None = None) -> bool:
        """A reservation is cancelled, not deleted."""
        return False


class MaintenanceBlockForm(forms.ModelForm):
    """Has the limits of the API."""

    def clean(self) -> dict[str, Any]:
        """Nights within reason."""
        cleaned: dict[str, Any] = super().clean() or {}
        if not self.errors and {"start", "end"} & set(self.changed_data):
            with _refused_in(self):
                require_nights(cleaned["start"], cleaned["end"], today_at(cleaned["room"].room_type.hotel))
        return cleaned


@admin.register(MaintenanceBlock)
class MaintenanceBlockAdmin(admin.ModelAdmin):
    """Rooms out of order."""

    form = MaintenanceBlockForm
    list_display = ("room", "start", "end", "reason")
    list_select_related = ("room",)


@contextmanager
def _refused_in(form: forms.ModelForm) -> Iterator[None]:
    """A limit becomes an error of the form, at its field where the form shows it."""
    try:
        yield
    except NotWithinLimits as error:
        form.add_error(error.field if error.field in form.fields else None, str(error))
