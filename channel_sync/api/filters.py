"""Filters of the lists."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import django_filters as filters
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django_filters.fields import IsoDateTimeField

from channel_sync.models import (
    AuditAction,
    AuditEntry,
    ChannelEvent,
    ChannelMapping,
    ChannelProperty,
    Conflict,
    ConflictKind,
    ConflictStatus,
    Direction,
    EventStatus,
    EventType,
    MappingType,
    ReconciliationKind,
    ReconciliationRun,
    RunStatus,
    Severity,
)
from channel_sync.moments import in_utc
from channel_sync.operations.status import channel_properties_of


class ChoiceInFilter(filters.BaseInFilter, filters.ChoiceFilter):
    """One value or several, separated by commas."""


class MomentField(IsoDateTimeField):
    """A time in ISO 8601, in UTC."""

    def clean(self, value: Any) -> datetime | None:
        """Raises `ValidationError` for what is no time, in any calendar."""
        moment: datetime | None = super().clean(value)
        try:
            return in_utc(moment) if moment is not None else None
        except ValueError:
            raise ValidationError(self.error_messages["invalid"], code="invalid") from None


class MomentFilter(filters.IsoDateTimeFilter):
    """A time."""

    field_class = MomentField


class PropertyFilter(filters.UUIDFilter):
    """A property by the PMS's id or by its id as a channel property."""

    def __init__(self) -> None:
        super().__init__(help_text="Id of the property in the PMS, or of the channel property.")

    def filter(self, qs: QuerySet[Any], value: UUID | None) -> QuerySet[Any]:
        """The ids are looked up first: the list can then be read by its index."""
        if value is None:
            return qs
        return qs.filter(channel_property__in=channel_property_ids(value))


def channel_property_ids(value: UUID, within: QuerySet[ChannelProperty] | None = None) -> list[UUID]:
    """Channel properties of a PMS property, or the one of that id, among those that are meant."""
    found = channel_properties_of(value).values_list("id", flat=True)
    return list(found if within is None else found.filter(pk__in=within.values("pk")))


class EventFilter(filters.FilterSet):
    """Events by kind, status and time of receipt, and a search for one booking or reservation."""

    status = ChoiceInFilter(choices=EventStatus.choices, lookup_expr="in")
    property_id = PropertyFilter()
    type = ChoiceInFilter(field_name="event_type", choices=EventType.choices, lookup_expr="in")
    direction = filters.ChoiceFilter(choices=Direction.choices)
    received_from = MomentFilter(field_name="received_at", lookup_expr="gte")
    received_to = MomentFilter(field_name="received_at", lookup_expr="lt")
    booking = filters.CharFilter(field_name="entity_external_id", help_text="Booking number at the channel.")
    entity_id = filters.UUIDFilter(field_name="entity_internal_id", help_text="Reservation, room type or rate plan.")

    class Meta:
        model = ChannelEvent
        fields = ("status", "property_id", "type", "direction")


class MappingFilter(filters.FilterSet):
    """Mappings."""

    property_id = PropertyFilter()
    mapping_type = filters.ChoiceFilter(choices=MappingType.choices)
    is_active = filters.BooleanFilter()

    class Meta:
        model = ChannelMapping
        fields = ("property_id", "mapping_type", "is_active", "internal_id", "external_id")


class ConflictFilter(filters.FilterSet):
    """Conflicts."""

    property_id = PropertyFilter()
    status = ChoiceInFilter(choices=ConflictStatus.choices, lookup_expr="in")
    kind = ChoiceInFilter(choices=ConflictKind.choices, lookup_expr="in")
    severity = ChoiceInFilter(choices=Severity.choices, lookup_expr="in")

    class Meta:
        model = Conflict
        fields = ("property_id", "status", "kind", "severity")


class RunFilter(filters.FilterSet):
    """Reconciliation runs."""

    property_id = PropertyFilter()
    kind = filters.ChoiceFilter(choices=ReconciliationKind.choices)
    status = filters.ChoiceFilter(choices=RunStatus.choices)

    class Meta:
        model = ReconciliationRun
        fields = ("property_id", "kind", "status", "dry_run")


class ChannelPropertyFilter(filters.FilterSet):
    """Properties; an id that is not there, or not seen, finds none."""

    property = filters.UUIDFilter(field_name="property_id", help_text="Id of the property in the PMS.")

    class Meta:
        model = ChannelProperty
        fields = ("channel_name", "status", "property")


class AuditFilter(filters.FilterSet):
    """Audit entries."""

    property_id = PropertyFilter()
    action = filters.ChoiceFilter(choices=AuditAction.choices)

    class Meta:
        model = AuditEntry
        fields = ("property_id", "action", "actor", "subject")
