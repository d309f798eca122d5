"""Mappings: what is tied to what, what is missing, and a form to try a booking against them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, ClassVar
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from channel_sync.admin.property_filter import BY_PROPERTY
from channel_sync.admin.rights import access, require_role, require_role_somewhere, seen_property
from channel_sync.admin.role_admin import RoleAdmin, actor, badge, confirmed_ids, refusals_told, within
from channel_sync.errors import ChannelSyncError, InvalidMapping
from channel_sync.models import ChannelMapping, ChannelProperty, MappingType, Role
from channel_sync.operations.completeness import mapping_completeness
from channel_sync.operations.mapping_rules import WantedMapping, internal_names, require_free, require_sound
from channel_sync.operations.mapping_test import try_mapping
from channel_sync.operations.mappings import change_mapping, create_mapping, remove_mapping
from channel_sync.operations.room_removal import changing_means, removing_means
from channel_sync.operations.suggestions import accept_suggestions, look_for_suggestions

MAX_LISTED = 20


class MappingForm(forms.ModelForm):
    """A mapping; the PMS's side is chosen from a list of what is there."""

    internal_id = forms.TypedChoiceField(label="PMS side", coerce=lambda told: UUID(str(told)))
    is_active = forms.BooleanField(required=False, initial=True, label="Active")
    check_channel = forms.BooleanField(required=False, label="Ask the channel whether it has this id")

    # Of a user whose form it is; without one there is nothing to choose.
    writable: ClassVar[QuerySet[ChannelProperty]] = ChannelProperty.objects.none()

    class Meta:
        model = ChannelMapping
        fields = ("channel_property", "mapping_type", "internal_id", "external_id", "is_active")
        labels = {"external_id": "Channel side"}
        help_texts = {"external_id": "Room type: roomId. Room: roomId:unitId. Rate: roomId:price slot (1 to 16)."}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices: list[tuple[str, Any]] = [("", "---------")]
        for channel_property in self._properties():
            for kind in MappingType:
                named = internal_names(channel_property, kind)
                if named:
                    entries = [(str(key), name) for key, name in named.items()]
                    choices.append((f"{channel_property}: {kind.label}", entries))
        self.fields["internal_id"].choices = choices  # type: ignore[attr-defined]

    def _properties(self) -> QuerySet[ChannelProperty]:
        """The property that is meant, where the address or the mapping says which; else the first ones."""
        meant = self.initial.get("channel_property") or self.data.get("channel_property")
        found = self.writable.order_by("created_at")
        if not meant:
            return found[:MAX_LISTED]
        try:
            return found.filter(pk=meant)
        except ValidationError:  # No id at all: the field itself says so.
            return found.none()

    def clean(self) -> dict[str, Any]:
        """The same rules as the API's."""
        data: dict[str, Any] = super().clean() or {}
        if self.errors:
            return data
        if data.get("is_active"):
            try:
                require_sound(self.wanted())
                require_free(self.wanted(), None if self.instance._state.adding else self.instance.pk)
            except InvalidMapping as error:
                raise ValidationError({error.field: str(error)}) from None
            except ChannelSyncError as error:
                raise ValidationError(str(error)) from None
        return data

    def wanted(self) -> WantedMapping:
        """What the form says."""
        data = self.cleaned_data
        return WantedMapping(
            channel_property=data["channel_property"],
            mapping_type=MappingType(data["mapping_type"]),
            internal_id=data["internal_id"],
            external_id=data["external_id"],
            at_channel=bool(data.get("check_channel")),
        )

    def _get_validation_exclusions(self) -> set[str]:
        """Leave the unique constraints to `clean`: a removed mapping that is in the way is taken up again."""
        left_out: set[str] = super()._get_validation_exclusions()  # type: ignore[misc]  # not in the stubs
        return left_out | {"internal_id", "external_id"}


class TryForm(forms.Form):
    """A payload to try."""

    payload = forms.JSONField(
        widget=forms.Textarea(attrs={"rows": 14}),
        help_text="A booking, or a whole booking webhook, as the channel has it.",
    )
    mapping_type = forms.ChoiceField(choices=MappingType.choices, initial=MappingType.ROOM_TYPE)

    def clean_payload(self) -> dict[str, Any]:
        """An object."""
        payload = self.cleaned_data["payload"]
        if not isinstance(payload, dict):
            raise ValidationError("A JSON object is needed.")
        return payload


@admin.register(ChannelMapping)
class MappingAdmin(RoleAdmin):
    """Administrators write; removing switches a mapping off."""

    form = MappingForm
    list_display = ("external_id", "pms_side", "state", "mapping_type", "channel_property")
    list_filter = ("mapping_type", "is_active", BY_PROPERTY)
    list_select_related = ("channel_property",)
    search_fields = ("external_id",)
    ordering = ("channel_property", "mapping_type", "external_id")
    actions = ("remove_selected",)
    change_list_template = "admin/channel_sync/mappings.html"
    change_form_template = "admin/channel_sync/paused_form.html"

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Administrators."""
        return self.holds(request, Role.ADMINISTRATOR)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Administrators."""
        return self.holds(request, Role.ADMINISTRATOR, obj)

    def get_actions(self, request: HttpRequest) -> Any:
        """Administrators."""
        return super().get_actions(request) if self.holds(request, Role.ADMINISTRATOR) else {}

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        """The form offers what the user administers."""
        form = super().get_form(request, obj, change=change, **kwargs)
        return type(form.__name__, (form,), {"writable": access(request).properties(Role.ADMINISTRATOR)})

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """A mapping is put into a property that the user administers."""
        if db_field.name == "channel_property":
            kwargs["queryset"] = access(request).properties(Role.ADMINISTRATOR)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def get_urls(self) -> list[Any]:
        """The mapping test beside the usual pages."""
        view = self.admin_site.admin_view
        suggestions = "suggestions/<uuid:channel_property_id>/"
        return [
            path("test/", view(self.test_view), name="channel_sync_mapping_test"),
            path(suggestions, view(self.suggestions_view), name="channel_sync_mapping_suggestions"),
            *super().get_urls(),
        ]

    @admin.display(description="PMS side")
    def pms_side(self, mapping: Any) -> str:
        """Its name, or its id when the PMS does not have it any more."""
        return str(mapping.pms_name)

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """Name the PMS's sides of the page: once per property and type, not per row."""
        page = super().get_changelist_instance(request)
        names: dict[tuple[UUID, str], Mapping[UUID, str]] = {}
        for mapping in page.result_list:
            key = (mapping.channel_property_id, mapping.mapping_type)
            if key not in names:
                names[key] = internal_names(mapping.channel_property, MappingType(mapping.mapping_type))
            mapping.pms_name = names[key].get(mapping.internal_id, f"{mapping.internal_id} (not in the PMS)")
        return page

    @admin.display(description="state", ordering="is_active")
    def state(self, mapping: ChannelMapping) -> SafeString:
        """On, off, or not sent before its parity check is accepted."""
        if mapping.is_active and mapping.held_since is not None:
            address = reverse("admin:channel_sync_parity", args=[mapping.channel_property_id])
            return format_html('<a href="{}">{}</a>', address, badge("high", "Not live yet"))
        return badge("done", "active") if mapping.is_active else badge("ignored", "removed")

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """The list under how complete each property is."""
        complete = [
            (found, mapping_completeness(found), access(request).may(Role.ADMINISTRATOR, found.pk))
            for found in access(request).properties().order_by("created_at")[:MAX_LISTED]
        ]
        context = {"completeness": complete}
        return super().changelist_view(request, {**context, **(extra_context or {})})

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Through the services: events that failed without it are retried, and both sides are compared."""
        if change:
            stored = ChannelMapping.objects.select_related("channel_property").get(pk=obj.pk)
            saved = change_mapping(stored, form.wanted(), by=actor(request), is_active=obj.is_active)
        else:
            saved = create_mapping(form.wanted(), by=actor(request))
            obj.pk = saved.pk
        if saved.held_since is not None:
            messages.warning(
                request,
                format_html(
                    'Nothing is sent of it yet: both sides are compared first. <a href="{}">See what would change, and '
                    "accept it</a>.",
                    reverse("admin:channel_sync_parity", args=[saved.channel_property_id]),
                ),
            )

    @admin.action(description="Remove selected mappings (they are kept, switched off)")
    def remove_selected(self, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse | None:
        """Ask, then switch off."""
        require_role_somewhere(request, Role.ADMINISTRATOR)
        queryset = access(request).limit(queryset, Role.ADMINISTRATOR)
        ids = confirmed_ids(request, queryset)
        if ids is None:
            said = _removing_means(queryset)
            return self.ask_first(
                request, queryset, what="mappings", action="remove_selected", verb="remove", consequences=said
            )
        own = within(request, ChannelMapping, ids, Role.ADMINISTRATOR)
        for mapping in self.get_queryset(request).filter(pk__in=own).select_related("channel_property"):
            remove_mapping(mapping, by=actor(request))
        messages.success(
            request, "Removed. Rooms are closed at the channel; their bookings fail until they are mapped again."
        )
        return None

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The form; a change that closes a room at the channel asks first."""
        if request.method == "POST" and "confirmed" not in request.POST:
            asked = self._ask_to_close(request, object_id)
            if asked is not None:
                return asked
        return super().change_view(request, object_id, form_url, extra_context)

    def _ask_to_close(self, request: HttpRequest, object_id: str) -> HttpResponse | None:
        """None where nothing has to be asked, or the form is refused anyway."""
        mapping = self.get_object(request, object_id)
        stored = self.get_object(request, object_id)
        if mapping is None or stored is None or not self.has_change_permission(request, mapping):
            return None
        form: Any = self.get_form(request, mapping, change=True)(request.POST, instance=mapping)
        if not form.is_valid():
            return None
        said = changing_means(stored, form.wanted(), is_active=form.cleaned_data["is_active"])
        if not said:
            return None
        # The channel was asked for its id by this form already.
        left_out = ("csrfmiddlewaretoken", "check_channel")
        return self.confirm_page(
            request,
            title=f"Close room {stored.external_id} at the channel?",
            verb="change the mapping and close the room",
            fields={name: value for name, value in request.POST.items() if name not in left_out},
            back=request.path,
            consequences=said,
        )

    def test_view(self, request: HttpRequest) -> HttpResponse:
        """Try a booking."""
        require_role_somewhere(request, Role.OPERATOR)
        form, tried, found = TryForm(request.POST or None), None, None
        if request.method == "POST" and form.is_valid():
            kind = MappingType(form.cleaned_data["mapping_type"])
            with refusals_told(request):
                own = access(request).properties(Role.OPERATOR)
                tried = try_mapping("beds24", form.cleaned_data["payload"], kind, own)
                found = _name_of(tried.mapped_internal_id, kind, own)
        context = {
            **self.admin_site.each_context(request),
            "title": "Try a booking against the mappings",
            "opts": self.opts,
            "form": form,
            "tried": tried,
            "found": found,
            "example": json.dumps({"booking": {"id": 1, "propertyId": 1001, "roomId": 2001}}),
        }
        return TemplateResponse(request, "admin/channel_sync/mapping_test.html", context)

    def suggestions_view(self, request: HttpRequest, channel_property_id: UUID) -> HttpResponse:
        """Rooms of the channel named like room types, and their rates; the chosen ones are mapped."""
        channel_property = seen_property(request, channel_property_id)
        require_role(request, Role.ADMINISTRATOR, channel_property.pk)
        suggestions = None
        with refusals_told(request):
            if request.method == "POST":
                chosen = {*request.POST.getlist("room"), *request.POST.getlist("rate")}
                made = accept_suggestions(channel_property, chosen, by=actor(request))
                messages.success(request, f"{len(made)} mappings saved.")
                return HttpResponseRedirect(reverse("admin:channel_sync_channelmapping_changelist"))
            suggestions = look_for_suggestions(channel_property)
        context = {
            **self.admin_site.each_context(request),
            "title": f"Suggested mappings of {channel_property}",
            "opts": self.opts,
            "channel_property": channel_property,
            "suggestions": suggestions,
        }
        return TemplateResponse(request, "admin/channel_sync/suggestions.html", context)


def _name_of(identity: UUID | None, kind: MappingType, own: QuerySet[ChannelProperty]) -> str | None:
    if identity is None:
        return None
    named = ChannelMapping.objects.filter(internal_id=identity, mapping_type=kind, is_active=True)
    mapping = named.filter(channel_property__in=own.values("pk")).first()
    return internal_names(mapping.channel_property, kind).get(identity) if mapping else str(identity)


def _removing_means(mappings: QuerySet[ChannelMapping]) -> list[str]:
    """What follows for the channel's rooms among the mappings, the first ones in full."""
    rooms = mappings.filter(mapping_type=MappingType.ROOM_TYPE, is_active=True).select_related("channel_property")
    said = [sentence for mapping in rooms[:MAX_LISTED] for sentence in removing_means(mapping)]
    more = rooms.count() - MAX_LISTED
    return [*said, f"{more} more rooms are closed at the channel too."] if more > 0 else said
