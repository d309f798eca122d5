"""Triage of events: find what failed, read why, retry, replay or ignore it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from channel_sync.admin.property_filter import BY_PROPERTY
from channel_sync.admin.rights import access, require_role, require_role_somewhere
from channel_sync.admin.role_admin import RoleAdmin, actor, badge, confirmed_ids, pretty, within
from channel_sync.models import ChannelEvent, Role
from channel_sync.operations import event_actions
from channel_sync.operations.event_actions import BatchOutcome
from channel_sync.operations.not_in_pms import missing_by_event
from channel_sync.operations.timeline import timeline_of

MAX_BOOKING_NUMBER = 255
REFUSALS_SHOWN = 10


@admin.register(ChannelEvent)
class EventAdmin(RoleAdmin):
    """The log; filtered by "failed" it shows the dead letters."""

    list_display = ("id_short", "state", "what", "booking", "why", "received")
    list_filter = ("status", "received_at", "direction", "event_type", BY_PROPERTY)
    list_select_related = ("channel_property",)
    search_fields = ("id",)
    search_help_text = "Booking number at the channel, or id of an event, a reservation, a room type or a rate plan."
    ordering = ("-received_at", "-id")
    sortable_by = ("received",)
    actions = ("retry_selected", "replay_selected", "ignore_selected")
    too_many_advice = "Narrow the filter, or use manage.py channel_sync_replay."
    change_form_template = "admin/channel_sync/event.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """The list does not read payloads."""
        found = super().get_queryset(request)
        match = request.resolver_match
        return found if match and match.kwargs else found.defer("payload", "normalized_payload")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Exact, by what has an index; no guest is ever searched for."""
        wanted = search_term.strip()
        if not wanted:
            return queryset, False
        try:
            identity = UUID(wanted)
        except ValueError:
            return queryset.filter(entity_external_id=wanted[:MAX_BOOKING_NUMBER]), False
        by_id = queryset.filter(id=identity)
        if by_id.exists():
            return by_id, False
        kinds = ChannelEvent._meta.get_field("entity_type").choices or ()
        return queryset.filter(entity_internal_id=identity, entity_type__in=[kind for kind, _ in kinds]), False

    def get_actions(self, request: HttpRequest) -> Any:
        """Operators act."""
        return super().get_actions(request) if self.holds(request, Role.OPERATOR) else {}

    @admin.display(description="event")
    def id_short(self, event: ChannelEvent) -> str:
        """Enough of the id to tell events apart."""
        return str(event.id)[:8]

    @admin.display(description="status", ordering="status")
    def state(self, event: ChannelEvent) -> SafeString:
        """The state, coloured, over the attempts of how many."""
        return format_html("{}<br>{}/{}", badge(event.status), event.attempts, event.max_attempts)

    @admin.display(description="type", ordering="event_type")
    def what(self, event: ChannelEvent) -> SafeString:
        """What it is, over which way it goes."""
        return format_html("{}<br>{}", event.event_type, event.direction)

    @admin.display(description="booking")
    def booking(self, event: ChannelEvent) -> str:
        """What it is about."""
        return event.entity_external_id or (str(event.entity_internal_id)[:8] if event.entity_internal_id else "")

    @admin.display(description="received", ordering="received_at")
    def received(self, event: ChannelEvent) -> SafeString:
        """Day over time, in the site's time zone."""
        at = timezone.localtime(event.received_at)
        return format_html("{}<br>{}", f"{at:%Y-%m-%d}", f"{at:%H:%M:%S}")

    @admin.display(description="why")
    def why(self, event: ChannelEvent) -> SafeString:
        """The beginning of the last error."""
        return format_html('<span class="cs-why" title="{}">{}</span>', event.last_error or "", event.last_error or "")

    @admin.action(description="Retry selected events (failed or waiting ones)")
    def retry_selected(self, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse | None:
        """Ask, then do it."""
        return self._confirm(request, queryset, "retry_selected", "retry", event_actions.retry_events)

    @admin.action(description="Replay selected events (all but those a worker holds)")
    def replay_selected(self, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse | None:
        """Ask, then do it."""
        return self._confirm(request, queryset, "replay_selected", "replay", event_actions.replay_events)

    @admin.action(description="Ignore selected events (failed or waiting ones)")
    def ignore_selected(self, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse | None:
        """Ask, with a reason, then do it."""

        def ignore(event_ids: Sequence[UUID], *, by: str) -> BatchOutcome:
            return event_actions.ignore_events(event_ids, by=by, reason=request.POST.get("reason", "")[:500])

        return self._confirm(request, queryset, "ignore_selected", "ignore", ignore)

    def _confirm(
        self,
        request: HttpRequest,
        queryset: QuerySet[Any],
        action: str,
        verb: str,
        act: Callable[..., BatchOutcome],
    ) -> HttpResponse | None:
        require_role_somewhere(request, Role.OPERATOR)
        queryset = access(request).limit(queryset, Role.OPERATOR)
        ids = confirmed_ids(request, queryset)
        if ids is None:
            shown = queryset.defer("payload", "normalized_payload")
            return self.ask_first(request, shown, what="events", action=action, verb=verb)
        own = within(request, ChannelEvent, ids, Role.OPERATOR)
        outcome = replace(event_actions.in_batches(act, own, by=actor(request)), selected=len(ids))
        show_refusals(request, outcome)
        left = outcome.selected - outcome.changed - len(outcome.refused)
        note = f" {left} were in another state and are left as they are." if left else ""
        messages.success(request, f"{outcome.changed} of {outcome.selected} events: {verb}.{note}")
        return None

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """An event with its story; a button posts what to do with it."""
        event = self.get_object(request, object_id)
        if event is None or not self.has_view_permission(request, event):
            return super().change_view(request, object_id, form_url, extra_context)
        if request.method == "POST":
            return self._act(request, event)
        may_act = self.holds(request, Role.OPERATOR, event)
        context = {
            "event": event,
            "badge": badge(event.status),
            "may_act": may_act,
            "payload": pretty(event.payload) if may_act else None,
            "normalized": pretty(event.normalized_payload) if may_act else None,
            "timeline": [(entry, badge(entry.status)) for entry in timeline_of(event)],
            "missing": missing_by_event(event),
            "mapping_url": self._mapping_url(request, event),
            **(extra_context or {}),
        }
        return super().change_view(request, object_id, form_url, context)

    def _act(self, request: HttpRequest, event: ChannelEvent) -> HttpResponse:
        require_role(request, Role.OPERATOR, event.channel_property_id)
        acts: dict[str, Callable[..., BatchOutcome]] = {
            "retry": event_actions.retry_events,
            "replay": event_actions.replay_events,
            "ignore": event_actions.ignore_events,
        }
        verb = request.POST.get("do", "")
        if verb in acts:
            reason = {"reason": request.POST.get("reason", "")[:500]} if verb == "ignore" else {}
            outcome = acts[verb]([event.id], by=actor(request), **reason)
            show_refusals(request, outcome)
            if outcome.changed:
                messages.success(request, f"Done: {verb}.")
            elif not outcome.refused:
                messages.error(request, "The event is in another state by now; nothing was done.")
        return HttpResponseRedirect(request.path)

    def _mapping_url(self, request: HttpRequest, event: ChannelEvent) -> str | None:
        """Where to add the mapping that a failed event misses."""
        if not (event.last_error or "").startswith("Unmapped") or not self.holds(request, Role.ADMINISTRATOR, event):
            return None
        booking = event.payload.get("booking") if isinstance(event.payload, dict) else None
        room = booking.get("roomId", "") if isinstance(booking, dict) else ""
        room_type = event.payload.get("room_type_id", "") if isinstance(event.payload, dict) else ""
        add = reverse("admin:channel_sync_channelmapping_add")
        return (
            f"{add}?channel_property={event.channel_property_id}&mapping_type=room_type"
            f"&external_id={room}&internal_id={room_type}"
        )


def show_refusals(request: HttpRequest, outcome: BatchOutcome) -> None:
    """Say why bookings are not sent again; they stay failed."""
    for event_id, error in list(outcome.refused.items())[:REFUSALS_SHOWN]:
        messages.error(request, f"Event {str(event_id)[:8]} stays failed. {error}")
    more = len(outcome.refused) - REFUSALS_SHOWN
    if more > 0:
        messages.error(request, f"{more} more stay failed; try each by itself to see why.")
