"""Bookings of channels: found by their numbers, and reported to the OTAs that sold them."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.safestring import SafeString

from channel_sync.admin.property_filter import BY_PROPERTY
from channel_sync.admin.rights import require_role
from channel_sync.admin.role_admin import RoleAdmin, actor, badge, refusals_told
from channel_sync.channels.reports import Report
from channel_sync.models import ReservationLink, Role
from channel_sync.operations.reports import OfferToday, reports_of, send_report

LABELS = {
    Report.NO_SHOW: "Report a no-show",
    Report.INVALID_CARD: "Report an invalid card",
    Report.CANCELLATION: "Ask for a cancellation",
}
CANNOT_BE_TAKEN_BACK = "A report cannot be taken back."
STAYS_HERE = "Nothing changes in the PMS by it: what the OTA makes of it comes as any change of the booking."
LONGEST_NUMBER = 255


@admin.register(ReservationLink)
class BookingAdmin(RoleAdmin):
    """Which booking at a channel is which reservation."""

    list_display = ("external_id", "ota", "ota_reference", "channel_property", "reservation_id", "state")
    list_filter = (BY_PROPERTY,)
    list_select_related = ("channel_property",)
    search_fields = ("external_id", "ota_reference")
    search_help_text = "Booking number at the channel, or the OTA's reference; the whole of it."
    ordering = ("-channel_property_id", "-external_id")
    sortable_by = ()
    change_list_template = "admin/channel_sync/paused_list.html"
    change_form_template = "admin/channel_sync/booking.html"

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Exact, by what has an index."""
        wanted = search_term.strip()[:LONGEST_NUMBER]
        if not wanted:
            return queryset, False
        return queryset.filter(Q(external_id=wanted) | Q(ota_reference=wanted)), False

    @admin.display(description="status")
    def state(self, link: ReservationLink) -> SafeString:
        """Whether it stands at the channel."""
        return _state(link)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The booking, and what its OTA takes of it; a button asks first."""
        link = self.get_object(request, object_id)
        if link is None or not self.has_view_permission(request, link):
            return super().change_view(request, object_id, form_url, extra_context)
        if request.method == "POST":
            return self._report(request, link)
        reports = reports_of(link)
        context = {
            "link": link,
            "badge": _state(link),
            "offers": [(LABELS[one.offer.report], one) for one in reports.offers],
            "instead": reports.instead,
            "may_act": self.holds(request, Role.OPERATOR, link),
            **(extra_context or {}),
        }
        return super().change_view(request, object_id, form_url, context)

    def _report(self, request: HttpRequest, link: ReservationLink) -> HttpResponse:
        require_role(request, Role.OPERATOR, link.channel_property_id)
        wanted = request.POST.get("report", "")
        offer = next((one for one in reports_of(link).offers if one.offer.report == wanted), None)
        if offer is not None and "confirmed" not in request.POST:
            return self._ask(request, link, offer)
        if wanted in {one.value for one in Report}:
            with refusals_told(request):
                send_report(link, Report(wanted), by=actor(request), again="again" in request.POST)
                messages.success(request, f"Sent: {LABELS[Report(wanted)].lower()}.")
        return HttpResponseRedirect(request.path)

    def _ask(self, request: HttpRequest, link: ReservationLink, one: OfferToday) -> HttpResponse:
        label = LABELS[one.offer.report]
        fields = {"report": one.offer.report.value}
        sentences = [one.offer.effect, CANNOT_BE_TAKEN_BACK, STAYS_HERE]
        if one.offer.last_day is not None:
            sentences.append(f"The OTA takes it until {one.offer.last_day}.")
        if one.reported_at is not None:
            sentences.insert(0, f"It was sent on {one.reported_at:%Y-%m-%d} by {one.reported_by} already.")
            fields["again"] = "yes"
        return self.confirm_page(
            request,
            title=f"{label} of booking {link.external_id}?",
            verb=label[0].lower() + label[1:],
            fields=fields,
            back=request.path,
            consequences=sentences,
        )


def _state(link: ReservationLink) -> SafeString:
    return badge("ignored", "Cancelled") if link.applied_cancelled else badge("done", "Booked")
