"""The page of a guest's data: look for the guest, see what is kept of which booking, export it, erase it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse

from channel_sync.admin.rights import access, require_role_somewhere
from channel_sync.admin.role_admin import RoleAdmin, actor
from channel_sync.errors import GuestNotNamed
from channel_sync.models import ChannelProperty, Role
from channel_sync.operations.guest_data_erasure import erase_guest, erasing_means
from channel_sync.operations.guest_data_export import export_guest
from channel_sync.operations.guest_data_names import described
from channel_sync.operations.guest_data_obstacles import obstacles
from channel_sync.operations.guest_data_places import rows_about
from channel_sync.operations.guest_data_search import GuestBooking, GuestSearch, find_bookings

LONGEST_NUMBERS = 2_000


class GuestForm(forms.Form):
    """Who the guest is."""

    numbers = forms.CharField(
        required=False, max_length=LONGEST_NUMBERS, label="Booking numbers",
        help_text="At the channel or the OTA; several with spaces between them.",
    )  # fmt: skip
    email = forms.CharField(required=False, max_length=320)
    last_name = forms.CharField(required=False, max_length=200, help_text="With the day of arrival.")
    arrival = forms.DateField(required=False, widget=forms.DateInput(attrs={"type": "date"}))

    def clean(self) -> dict[str, Any]:
        """Something has to name the guest."""
        cleaned: dict[str, Any] = super().clean() or {}
        if not self.errors:
            try:
                cleaned["search"] = GuestSearch(
                    bookings=cleaned["numbers"].split(),
                    email=cleaned["email"],
                    last_name=cleaned["last_name"],
                    arrival=cleaned["arrival"],
                )
            except GuestNotNamed as error:
                raise forms.ValidationError(str(error)) from error
        return cleaned


def guest_page(admin: RoleAdmin, request: HttpRequest) -> HttpResponse:
    """Nothing of the guest is in the address: the form is posted. Exports and erasures are of the bookings chosen.

    Only properties that the user administers are looked through.
    """
    require_role_somewhere(request, Role.ADMINISTRATOR)
    among = list(access(request).properties(Role.ADMINISTRATOR))
    wanted = request.POST.get("do", "")
    if wanted in ("export", "erase"):
        chosen = _chosen(request, among)
        if chosen:
            return _export(request, chosen) if wanted == "export" else _erase(admin, request, chosen)
        messages.error(request, "Choose a booking.")
        return HttpResponseRedirect(request.path)
    form = GuestForm(request.POST or None)
    found = find_bookings(form.cleaned_data["search"], among) if form.is_bound and form.is_valid() else None
    context = {
        **admin.admin_site.each_context(request),
        "title": "A guest's data",
        "opts": admin.opts,
        "form": form,
        "found": None if found is None else [_shown(one) for one in found],
        # What they were looked for by is taken out of words, where nothing else says it any more.
        "called": "\n".join({word for one in found or () for word in one.said}),
    }
    answer = TemplateResponse(request, "admin/channel_sync/guest.html", context)
    answer["Cache-Control"] = "no-store"
    return answer


def _shown(booking: GuestBooking) -> dict[str, Any]:
    counts = {table: rows.count() for table, rows in rows_about(booking).items()}
    return {
        "key": _key(booking),
        "booking": booking,
        "who": described(booking),
        "kept": ", ".join(f"{count} of {table}" for table, count in counts.items() if count),
        "in_the_way": obstacles(booking),
    }


def _key(booking: GuestBooking) -> str:
    return f"{booking.channel_property.id}/{booking.subject}"


def _chosen(request: HttpRequest, among: Sequence[ChannelProperty]) -> list[GuestBooking]:
    """The bookings that were ticked, looked up anew."""
    keys = {key for value in request.POST.getlist("chosen") for key in value.split() if key.isprintable()}
    named = [key.partition("/")[2].partition(":") for key in keys]
    numbers = [number for kind, _, number in named if kind == "booking"]
    try:
        reservations = [UUID(number) for kind, _, number in named if kind == "reservation"]
    except ValueError:
        raise BadRequest("The ids of the chosen bookings are broken; look for the guest again.") from None
    if not numbers and not reservations:
        return []
    search = GuestSearch(numbers, reservations, names=_called(request))
    found = {_key(one): one for one in find_bookings(search, among)}
    return [found[key] for key in sorted(keys) if key in found]


def _called(request: HttpRequest) -> list[str]:
    return request.POST.get("called", "")[:LONGEST_NUMBERS].splitlines()


def _export(request: HttpRequest, chosen: list[GuestBooking]) -> HttpResponse:
    document = json.dumps(export_guest(chosen, by=actor(request)), indent=2, ensure_ascii=False)
    return HttpResponse(
        document,
        content_type="application/json",
        headers={"Content-Disposition": 'attachment; filename="guest-data.json"', "Cache-Control": "no-store"},
    )


def _erase(admin: RoleAdmin, request: HttpRequest, chosen: list[GuestBooking]) -> HttpResponse:
    if "confirmed" not in request.POST:
        return admin.confirm_page(
            request,
            title=f"Erase the guest of {len(chosen)} bookings?",
            verb="erase",
            fields={"do": "erase", "chosen": " ".join(map(_key, chosen)), "called": "\n".join(_called(request))},
            back=request.path,
            consequences=erasing_means(chosen),
            shown=chosen,
        )
    for one in erase_guest(chosen, by=actor(request)):
        if one.refused:
            messages.error(request, f"{one.booking} is left as it is: {' '.join(one.refused)}")
        else:
            messages.success(request, f"{one.booking}: erased, {one.total} rows changed.")
    return HttpResponseRedirect(request.path)
