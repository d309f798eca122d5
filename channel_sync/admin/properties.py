"""Properties: connect, try, pause, reconcile; and the dashboard over all of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import path
from django.utils.safestring import SafeString

from channel_sync.admin.guest_data import guest_page
from channel_sync.admin.parity import parity_page
from channel_sync.admin.rights import access, require_role, require_role_somewhere, seen_property
from channel_sync.admin.role_admin import RoleAdmin, actor, badge, refusals_told
from channel_sync.admin.webhooks import WEBHOOK_ACTIONS, webhook_page
from channel_sync.conf import channel_sync_settings
from channel_sync.connections.connect import host_properties
from channel_sync.models import (
    Alert,
    ChannelProperty,
    ChannelPropertyStatus,
    ReconciliationKind,
    Role,
    WebhookVerification,
)
from channel_sync.monitoring.figures import figures
from channel_sync.operations import properties
from channel_sync.operations.access import access_now
from channel_sync.operations.moving import AfterMove
from channel_sync.operations.parity import parity_of
from channel_sync.operations.pausing import Pause, pause_with_rooms_closed
from channel_sync.operations.pausing_means import CLOSING, pausing_means, rooms_on_sale
from channel_sync.operations.status import property_status
from channel_sync.operations.webhook_address import webhook_url
from channel_sync.operations.webhooks import is_rotating

AT_MOST = 50
# Shown with the refusal that asks for one of them, not to everybody who connects a property.
ONCE_REFUSED = ("after_move", "close_old_rooms", "take_over", "keys_are_lost")
PAUSING = {
    "pause-closed": "Yes, close the rooms at the channel, then pause",
    "pause": "Yes, pause and leave the rooms on sale",
}


class ConnectForm(forms.Form):
    """What it takes to connect a property."""

    property: forms.ModelChoiceField = forms.ModelChoiceField(queryset=None, label="Property of the PMS")
    channel_name = forms.ChoiceField(label="Channel")
    invite_code = forms.CharField(
        max_length=500, help_text="From the settings of your account at the channel. Each code works once.", strip=True
    )
    channel_property_id = forms.CharField(
        max_length=255,
        required=False,
        label="Property at the channel",
        help_text="Its number; needed only when the account has several properties.",
    )
    verification = forms.ChoiceField(
        choices=[("", "As before; a secret in a header when it is new"), *WebhookVerification.choices],
        required=False,
        label="How webhooks are verified",
    )
    new_webhook_secret = forms.BooleanField(
        required=False,
        label="New webhook secret",
        help_text="For a property that is connected again. The old secret goes on working beside it.",
    )
    set_webhook = forms.BooleanField(
        required=False,
        label="Set up the webhook at the channel for me",
        help_text="It brings in bookings at once, without card data; other addresses that are set there stay. Without "
        "it, the next page says what to enter by hand.",
    )
    accept_suggestions = forms.BooleanField(
        required=False,
        initial=True,
        label="Match rooms and rate plans by name",
        help_text="Each room type with the room of the same name at the channel, each rate plan with its price there. "
        "You can correct it before anything is sent.",
    )
    first_sync = forms.BooleanField(
        required=False,
        initial=True,
        label="First synchronisation",
        help_text="Bookings come in, then the calendar is sent. Nothing is sent before both sides are compared.",
    )

    after_move = forms.ChoiceField(
        choices=[
            ("", "It is not moved"),
            (
                AfterMove.KEEP.value,
                "Moved, and its rooms have the same numbers there: keep mappings and links",
            ),
            (AfterMove.RETIRE.value, "Moved: switch its mappings off and end its links"),
        ],
        required=False,
        label="If it is connected to another property now",
    )
    close_old_rooms = forms.BooleanField(
        required=False,
        label="Close the rooms first at the property that it leaves",
        help_text="As long as that connection works. Otherwise they stay on sale there.",
    )
    take_over = forms.BooleanField(
        required=False,
        label="Take it over from another hotel",
        help_text="That one is connected to nothing any more: its mappings are switched off and its links end.",
    )
    keys_are_lost = forms.BooleanField(
        required=False,
        label="The keys are lost for good",
        help_text="Only where SECRET_KEY or SALT_KEY cannot be found any more: what they have encrypted is replaced.",
    )

    def __init__(self, connectable: QuerySet[Any], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not self.is_bound:
            for name in ONCE_REFUSED:
                del self.fields[name]
        self.fields["property"].queryset = connectable  # type: ignore[attr-defined]
        self.fields["channel_name"].choices = [(name, name) for name in channel_sync_settings().channels]  # type: ignore[attr-defined]

    def wanted(self, request: HttpRequest) -> properties.NewConnection:
        """What the form says; webhooks come to the address that the request came to."""
        data = self.cleaned_data
        return properties.NewConnection(
            property_id=data["property"].pk,
            channel_name=data["channel_name"],
            invite_code=data["invite_code"],
            channel_property_id=data["channel_property_id"] or None,
            verification=WebhookVerification(data["verification"]) if data["verification"] else None,
            new_webhook_secret=data["new_webhook_secret"],
            accept_suggestions=data["accept_suggestions"],
            first_sync=data["first_sync"],
            webhook_url=webhook_url(request, data["channel_name"]),
            set_webhook=data["set_webhook"],
            after_move=AfterMove(data["after_move"]) if data["after_move"] else None,
            close_old_rooms=data["close_old_rooms"],
            take_over=data["take_over"],
            keys_are_lost=data["keys_are_lost"],
        )


@admin.register(ChannelProperty)
class PropertyAdmin(RoleAdmin):
    """Properties at their channels."""

    list_display = ("__str__", "property", "status_badge", "pause", "last_webhook_at", "last_outbound_success_at")
    list_filter = ("status", "channel_name")
    list_select_related = ("property",)
    search_fields = ("channel_property_id",)
    ordering = ("created_at", "id")
    change_list_template = "admin/channel_sync/properties.html"
    change_form_template = "admin/channel_sync/property.html"
    fields = (
        "property",
        "channel_name",
        "channel_property_id",
        "status",
        "last_webhook_at",
        "last_outbound_success_at",
    )

    @admin.display(description="status", ordering="status")
    def status_badge(self, channel_property: ChannelProperty) -> SafeString:
        """Whether it sends."""
        return _status_badge(channel_property)

    @admin.display(description="paused", ordering="paused_at")
    def pause(self, channel_property: ChannelProperty) -> str:
        """Since when, by whom, and whether its rooms are closed at the channel."""
        if channel_property.status != ChannelPropertyStatus.INACTIVE:
            return ""
        closed = ", rooms closed" if channel_property.rooms_closed else ", rooms on sale"
        since, by = channel_property.paused_at, channel_property.paused_by
        found = Pause(channel_property, since, by, channel_property.rooms_closed)
        return f"{found.title}{closed}"

    def get_urls(self) -> list[Any]:
        """Dashboard and connect form beside the usual pages."""
        view = self.admin_site.admin_view
        return [
            path("dashboard/", view(self.dashboard_view), name="channel_sync_dashboard"),
            path("connect/", view(self.connect_view), name="channel_sync_connect"),
            path("guest-data/", view(self.guest_view), name="channel_sync_guest"),
            path("<uuid:channel_property_id>/parity/", view(self.parity_view), name="channel_sync_parity"),
            *super().get_urls(),
        ]

    def dashboard_view(self, request: HttpRequest) -> HttpResponse:
        """Queues, success, latency, open cases, and each property."""
        require_role_somewhere(request, Role.VIEWER)
        own = access(request)
        shown = figures(within=None if own.is_for_all(Role.VIEWER) else own.properties())
        context = {
            **self.admin_site.each_context(request),
            "title": "Channel sync",
            "opts": self.opts,
            "figures": shown,
            "alerts": own.limit(Alert.objects.all()).filter(resolved_at=None).order_by("-created_at")[:AT_MOST],
            "chart": {
                "labels": [hour.begin.isoformat() for hour in shown.hours],
                "settled": [hour.settled for hour in shown.hours],
                "failed": [hour.failed for hour in shown.hours],
                "waiting": [hour.waiting for hour in shown.hours],
                "latency_labels": [f"{one.direction} {one.event_type}" for one in shown.latencies],
                "latency": [[one.p50, one.p95, one.p99] for one in shown.latencies],
            },
            "properties": [
                (status, _status_badge(status.channel_property))
                for status in map(property_status, own.properties().order_by("created_at")[:AT_MOST])
            ],
        }
        return TemplateResponse(request, "admin/channel_sync/dashboard.html", context)

    def guest_view(self, request: HttpRequest) -> HttpResponse:
        """What is kept of one guest."""
        return guest_page(self, request)

    def connect_view(self, request: HttpRequest) -> HttpResponse:
        """The form, then what has to be entered at the channel, which is shown only here."""
        require_role_somewhere(request, Role.ADMINISTRATOR)
        connectable = access(request).limit_host(host_properties(), Role.ADMINISTRATOR)
        form, outcome = ConnectForm(connectable, request.POST or None), None
        if request.method == "POST" and form.is_valid():
            with refusals_told(request):
                outcome = properties.connect(
                    form.wanted(request),
                    by=actor(request),
                    may_displace=lambda other: access_now(request.user).may(Role.ADMINISTRATOR, other.id),
                )
        context = {
            **self.admin_site.each_context(request),
            "title": "Connect a property",
            "opts": self.opts,
            "form": form,
            "outcome": outcome,
            "webhook_url": webhook_url(request, outcome.connected.channel_property.channel_name) if outcome else "",
            "webhook_header": channel_sync_settings().webhook_secret_header,
        }
        return TemplateResponse(request, "admin/channel_sync/connect.html", context)

    def parity_view(self, request: HttpRequest, channel_property_id: UUID) -> HttpResponse:
        """What both sides would change, before anything is sent."""
        return parity_page(self, request, seen_property(request, channel_property_id))

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """How a property stands; a button posts what to do with it."""
        channel_property = self.get_object(request, object_id)
        if channel_property is None or not self.has_view_permission(request, channel_property):
            return super().change_view(request, object_id, form_url, extra_context)
        if request.method == "POST":
            return self._act(request, channel_property)
        context = {
            "state": property_status(channel_property),
            "badge": _status_badge(channel_property),
            "parity": parity_of(channel_property),
            "is_rotating": is_rotating(channel_property),
            "is_operator": self.holds(request, Role.OPERATOR, channel_property),
            "is_administrator": self.holds(request, Role.ADMINISTRATOR, channel_property),
            "kinds": ReconciliationKind.choices,
            **(extra_context or {}),
        }
        return super().change_view(request, object_id, form_url, context)

    def _act(self, request: HttpRequest, channel_property: ChannelProperty) -> HttpResponse:
        wanted, by = request.POST.get("do", ""), actor(request)
        if wanted in WEBHOOK_ACTIONS:
            require_role(request, Role.ADMINISTRATOR, channel_property.pk)
            return webhook_page(self, request, channel_property, wanted)
        acts: dict[str, tuple[Role, Callable[[], str]]] = {
            "test": (Role.OPERATOR, lambda: _tried(channel_property, by)),
            "first-sync": (Role.OPERATOR, lambda: _first_sync(channel_property, by)),
            "pause": (Role.ADMINISTRATOR, lambda: _paused(channel_property, by)),
            "close": (Role.ADMINISTRATOR, lambda: _paused_with_rooms_closed(channel_property, by)),
            "pause-closed": (Role.ADMINISTRATOR, lambda: _paused_with_rooms_closed(channel_property, by)),
            "resume": (Role.ADMINISTRATOR, lambda: _resumed(channel_property, by)),
        }
        for kind in ReconciliationKind:
            acts[f"reconcile-{kind.value}"] = (Role.OPERATOR, _starter(channel_property, kind, by))
        if wanted in acts:
            role, act = acts[wanted]
            require_role(request, role, channel_property.pk)
            if wanted == "close" and "confirmed" not in request.POST:
                return self._ask_to_close(request, channel_property)
            if wanted in PAUSING and "confirmed" not in request.POST:
                return self._ask_to_pause(request, channel_property)
            with refusals_told(request):
                done = act()
                if done:
                    messages.success(request, done)
                else:
                    messages.warning(request, "Not done yet: see below what it waits for. It goes on by itself.")
                if wanted == "resume":
                    return redirect("admin:channel_sync_parity", channel_property.pk)
        return HttpResponseRedirect(request.path)

    def _ask_to_close(self, request: HttpRequest, channel_property: ChannelProperty) -> HttpResponse:
        return self.confirm_page(
            request,
            title=f"Close the rooms of {channel_property} at the channel?",
            verb="close them",
            fields={"do": "close"},
            back=request.path,
            consequences=[CLOSING],
            shown=rooms_on_sale(channel_property),
        )

    def _ask_to_pause(self, request: HttpRequest, channel_property: ChannelProperty) -> HttpResponse:
        return self.confirm_page(
            request,
            title=f"Pause {channel_property}?",
            verb="pause",
            fields={},
            back=request.path,
            consequences=pausing_means(channel_property),
            choices=PAUSING,
        )


def _status_badge(channel_property: ChannelProperty) -> SafeString:
    """In words: a property that is `inactive` was paused by somebody, one that is held is not live yet."""
    if channel_property.held_since is not None and channel_property.status == ChannelPropertyStatus.ACTIVE:
        return badge("high", "Not live yet")
    return badge(str(channel_property.status), channel_property.get_status_display())


def _tried(channel_property: ChannelProperty, by: str) -> str:
    tried = properties.try_connection(channel_property, by=by)
    left = f" {tried.credits_remaining} credits are left." if tried.credits_remaining is not None else ""
    rooms = ", ".join(f"{room.external_id} ({room.name})" for room in tried.rooms)
    return f"The channel answers in {tried.milliseconds} ms. Its rooms: {rooms}.{left}"


def _starter(channel_property: ChannelProperty, kind: ReconciliationKind, by: str) -> Callable[[], str]:
    def start() -> str:
        properties.start_reconciliation(channel_property, kind, by=by)
        return f"Queued: compare {kind.value}. See the runs for what comes out."

    return start


def _first_sync(channel_property: ChannelProperty, by: str) -> str:
    properties.start_first_sync(channel_property, by=by)
    return "Queued: import every booking, then send the calendar. See the runs for how far it is."


def _paused(channel_property: ChannelProperty, by: str) -> str:
    properties.pause(channel_property, by=by)
    return "Paused: webhooks are taken, nothing is sent."


def _paused_with_rooms_closed(channel_property: ChannelProperty, by: str) -> str:
    """Empty while the pause has not begun: the page says why, in red."""
    made = pause_with_rooms_closed(channel_property, by=by)
    if made is None or not made.rooms_closed:
        return ""
    return "Paused: its rooms are closed at the channel. Webhooks are taken, nothing is sent."


def _resumed(channel_property: ChannelProperty, by: str) -> str:
    properties.resume(channel_property, by=by)
    return "Both sides are compared first; then the bookings of the pause go out, and the whole calendar after them."
