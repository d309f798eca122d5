"""How much of a property is mapped: what is not mapped is neither received nor sent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from channel_sync.connections.rate_plan_names import rate_plan_names
from channel_sync.models import ChannelMapping, ChannelProperty, MappingType
from channel_sync.pms import host_pms


@dataclass(frozen=True)
class Completeness:
    """Mapped of all; `missing` are the names of the others by id."""

    mapped: int
    total: int
    missing: Mapping[UUID, str]

    @property
    def percentage(self) -> float:
        """0 to 100, one decimal; of nothing everything is mapped."""
        return round(100 * self.mapped / self.total, 1) if self.total else 100.0


@dataclass(frozen=True)
class MappingCompleteness:
    """Room types and rate plans of a property."""

    rooms: Completeness
    rates: Completeness

    @property
    def together(self) -> Completeness:
        """Both as one: a property without its prices is not wholly mapped."""
        missing = {**self.rooms.missing, **self.rates.missing}
        return Completeness(self.rooms.mapped + self.rates.mapped, self.rooms.total + self.rates.total, missing)

    @property
    def warning(self) -> str:
        """What is not sold at all, in words; blank where there is nothing to say."""
        if self.rates.total and not self.rates.mapped:
            return "No rate plan is mapped: no price is sent."
        return ""


def mapping_completeness(channel_property: ChannelProperty) -> MappingCompleteness:
    """Compare active mappings with what the PMS has; five statements whatever the number."""
    pms = host_pms()
    mapped: dict[str, set[UUID]] = {MappingType.ROOM_TYPE: set(), MappingType.RATE: set()}
    active = ChannelMapping.objects.filter(
        channel_property=channel_property, mapping_type__in=list(mapped), is_active=True
    )
    for mapping_type, internal_id in active.values_list("mapping_type", "internal_id"):
        mapped[mapping_type].add(internal_id)
    property_id = channel_property.property_id
    return MappingCompleteness(
        rooms=_compared({found.id: found.name for found in pms.room_types(property_id)}, mapped[MappingType.ROOM_TYPE]),
        rates=_compared(rate_plan_names(property_id), mapped[MappingType.RATE]),
    )


def _compared(all_of_pms: Mapping[UUID, str], mapped: set[UUID]) -> Completeness:
    missing = {key: name for key, name in all_of_pms.items() if key not in mapped}
    return Completeness(len(all_of_pms) - len(missing), len(all_of_pms), missing)
