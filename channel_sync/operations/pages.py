"""Pages of large tables: nothing is counted beyond a bound."""

from __future__ import annotations

import json
from functools import cached_property
from typing import Any

from django.core.paginator import Paginator

# Counted to here; what is more is the planner's estimate.
COUNTED = 1_000


class BoundedCountPaginator(Paginator):  # type: ignore[type-arg]  # not generic at run time
    """Counts no more than `COUNTED` rows."""

    is_estimate = False

    @cached_property
    def count(self) -> int:
        """Exact up to `COUNTED`, above it an estimate that is never less than that."""
        found: Any = self.object_list
        counted: int = found.order_by()[: COUNTED + 1].count()
        if counted <= COUNTED:
            return counted
        self.is_estimate = True
        return max(counted, estimated_rows(found))


def estimated_rows(queryset: Any) -> int:
    """How many rows the planner expects."""
    plan = json.loads(queryset.order_by().explain(format="json"))
    return int(plan[0]["Plan"]["Plan Rows"])
