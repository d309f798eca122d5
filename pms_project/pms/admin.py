"""The PMS in Django admin."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.models import LogEntry
from django.contrib.admin.widgets import ForeignKeyRawIdWidget
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest

from channel_sync.admin.lookups import OfferedLookups
from pms_project.pms.models import (
    DailyRate,
    Guest,
    HotelMembership,
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
from pms_project.pms.services.visibility import PATHS, hotels_of, seen_by


class SeenRawIdWidget(ForeignKeyRawIdWidget):
    """Names what an id is of only where the user sees it."""

    def __init__(self, rel: Any, admin_site: Any, seen: QuerySet[Any]) -> None:
        super().__init__(rel, admin_site)
        self.seen = seen

    def label_and_url_for_value(self, value: Any) -> tuple[str, str]:
        """Nothing for what is not there, or not seen."""
        try:
            is_seen = self.seen.filter(pk=value).exists()
        except (ValueError, ValidationError):
            return "", ""
        return super().label_and_url_for_value(value) if is_seen else ("", "")


class HotelRowsAdmin(OfferedLookups):
    """Rows of the hotels that the user works in, and only those to choose from."""

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Other rows are not there."""
        return seen_by(request.user, super().get_queryset(request))

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """What a row refers to is of one of the user's hotels too."""
        related: Any = db_field.related_model
        if related not in PATHS:
            return super().formfield_for_foreignkey(db_field, request, **kwargs)
        seen = seen_by(request.user, related._default_manager.all())
        if db_field.name in self.raw_id_fields:
            kwargs["widget"] = SeenRawIdWidget(db_field.remote_field, self.admin_site, seen)
        return super().formfield_for_foreignkey(db_field, request, **{**kwargs, "queryset": seen})


class SeenFilter(admin.RelatedFieldListFilter):
    """The filter of a list offers what the user sees."""

    def field_choices(self, field: Any, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Key and name."""
        seen = seen_by(request.user, field.related_model._default_manager.all())
        return [(str(found.pk), str(found)) for found in seen]


class RoomInline(admin.TabularInline):
    """The rooms of a room type."""

    model = Room
    extra = 0


@admin.register(HotelSettings)
class HotelAdmin(HotelRowsAdmin):
    """Hotels; who works in some of them makes no new one."""

    list_display = ("name", "time_zone", "currency")
    search_fields = ("name",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Who works in all hotels."""
        return super().has_add_permission(request) and hotels_of(request.user) is None


@admin.register(HotelMembership)
class MembershipAdmin(HotelRowsAdmin):
    """Who works in which hotel; said by who works in all, as the form names every user."""

    list_display = ("user", "hotel")
    list_filter = (("hotel", SeenFilter),)
    list_select_related = ("user", "hotel")
    search_fields = ("=user__username",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Who works in all hotels."""
        return super().has_add_permission(request) and hotels_of(request.user) is None

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Who works in all hotels."""
        return super().has_change_permission(request, obj) and hotels_of(request.user) is None

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Who works in all hotels."""
        return super().has_delete_permission(request, obj) and hotels_of(request.user) is None


@admin.register(RoomType)
class RoomTypeAdmin(HotelRowsAdmin):
    """Room types with their rooms."""

    list_display = ("name", "hotel", "units")
    list_filter = (("hotel", SeenFilter),)
    list_select_related = ("hotel",)
    search_fields = ("name",)
    inlines = (RoomInline,)

    def get_inlines(self, request: HttpRequest, obj: Any = None) -> Any:
        """A room type that is new has no id yet that a room could name: rooms are added once it is saved."""
        return super().get_inlines(request, obj) if obj is not None else ()


@admin.register(RatePlan)
class RatePlanAdmin(HotelRowsAdmin):
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
class DailyRateAdmin(HotelRowsAdmin):
    """Prices and restrictions by night."""

    form = DailyRateForm
    list_display = ("rate_plan", "night", "price", "min_stay", "max_stay", "stop_sell")
    list_filter = (("rate_plan__room_type", SeenFilter),)
    list_select_related = ("rate_plan__room_type",)
    date_hierarchy = "night"


@admin.register(Guest)
class GuestAdmin(HotelRowsAdmin):
    """Guests."""

    search_fields = ("last_name", "first_name", "email")

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        """Who added it; the log outlives the guest, and names none."""
        logged = super().log_addition(request, obj, message)
        _forget_names([obj])
        return logged

    def log_deletions(self, request: HttpRequest, queryset: Any) -> Any:
        """Who deleted it."""
        logged = super().log_deletions(request, queryset)
        _forget_names(queryset)
        return logged

    def has_change_permission(self, request: object, obj: Guest | None = None) -> bool:
        """A guest is changed with the reservation, through the API: channels have to hear of it."""
        return False


def _forget_names(guests: Iterable[Guest]) -> None:
    """The entries of these guests in the log of the admin say that they are guests, and not which."""
    about = LogEntry.objects.filter(
        content_type=ContentType.objects.get_for_model(Guest), object_id__in=[str(guest.pk) for guest in guests]
    )
    about.update(object_repr="Guest")


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
class ReservationAdmin(HotelRowsAdmin):
    """Reservations; they are made and cancelled through the API, which looks at free rooms."""

    form = ReservationForm
    # A property that is paused is said above: what is changed here is not at the channel then.
    change_list_template = "admin/channel_sync/paused_list.html"
    change_form_template = "admin/channel_sync/paused_form.html"
    list_display = ("id", "room_type", "check_in", "check_out", "units", "status", "phase", "source")
    list_filter = ("status", "phase", "source", ("hotel", SeenFilter))
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
class MaintenanceBlockAdmin(HotelRowsAdmin):
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
