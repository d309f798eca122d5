"""Lists are filtered by what they offer, and by nothing else: a viewer does not guess what is not shown."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from django.contrib import admin
from django.contrib.admin.utils import get_fields_from_path
from django.db import models
from django.http import HttpRequest

DATES = ("gte", "lt", "isnull")
CHOICES = ("exact", "isnull")
HIERARCHY = ("year", "month", "day", "gte", "lt")


class OfferedLookups(admin.ModelAdmin):
    """The address of a list takes the lookups of its filters and its date hierarchy; any other is 400."""

    further_lookups: ClassVar[tuple[str, ...]] = ()

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        """By name: Django itself allows any lookup of the model's own columns, such as `payload__email__startswith`."""
        return lookup in self.further_lookups or lookup in set(self._offered(request))

    def _offered(self, request: Any) -> Iterable[str]:
        for entry in self.get_list_filter(request):
            path = entry[0] if isinstance(entry, tuple | list) else entry
            if isinstance(path, str):
                yield from _lookups_of(self.model, path)
        if self.date_hierarchy:
            yield from (f"{self.date_hierarchy}__{lookup}" for lookup in HIERARCHY)


def _lookups_of(model: type[models.Model], path: str) -> Iterable[str]:
    """What the filters that Django makes for a field put into the address."""
    field = get_fields_from_path(model, path)[-1]
    if isinstance(field, models.ForeignKey):
        return (f"{path}__{field.target_field.name}__exact", f"{path}__isnull")
    return (path, *(f"{path}__{lookup}" for lookup in (DATES if isinstance(field, models.DateField) else CHOICES)))
