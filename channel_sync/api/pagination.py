"""Pages with a pagination object, that stay fast when the table grows."""

from __future__ import annotations

from typing import Any

from rest_framework.exceptions import NotFound
from rest_framework.pagination import PageNumberPagination
from rest_framework.response import Response

from channel_sync.operations.pages import COUNTED, BoundedCountPaginator

# A page further back costs reading all before it: a narrower filter is the way there.
MAX_OFFSET = 100_000
ESTIMATE_HEADER = "X-Total-Is-Estimate"


class ListPagination(PageNumberPagination):
    """`page` and `limit`; the view names the key of its rows as `rows_key`."""

    page_size = 50
    max_page_size = 200
    page_size_query_param = "limit"
    django_paginator_class = BoundedCountPaginator
    rows_key = "results"

    def paginate_queryset(self, queryset: Any, request: Any, view: Any = None) -> list[Any] | None:
        """Raises `NotFound` for a page that is not there, or too far back."""
        self.rows_key = getattr(view, "rows_key", self.rows_key)
        number, size = request.query_params.get("page", "1"), self.get_page_size(request) or self.page_size
        if number.isascii() and number.isdigit() and len(number) < 19 and int(number) * size > MAX_OFFSET:
            raise NotFound(f"Pages end after {MAX_OFFSET:,} rows: narrow the filter.")
        return super().paginate_queryset(queryset, request, view)

    def get_paginated_response(self, data: Any) -> Response:
        """Rows and pagination object, which says whether the total is an estimate; a header says so too."""
        page: Any = self.page
        paginator = page.paginator
        pagination = {
            "page": page.number,
            "limit": paginator.per_page,
            "total": paginator.count,
            "total_is_estimate": bool(getattr(paginator, "is_estimate", False)),
            "totalPages": paginator.num_pages,
        }
        headers = {ESTIMATE_HEADER: "true"} if pagination["total_is_estimate"] else {}
        return Response({self.rows_key: data, "pagination": pagination}, headers=headers)

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        """The same for OpenAPI."""
        fields: dict[str, dict[str, Any]] = {
            name: {"type": "integer", "example": example}
            for name, example in (("page", 1), ("limit", 50), ("total", 123), ("totalPages", 3))
        }
        fields["total_is_estimate"] = {
            "type": "boolean",
            "example": False,
            "description": f"Rows are counted up to {COUNTED:,}: beyond, `total` and `totalPages` are estimates.",
        }
        return {
            "type": "object",
            "required": [self.rows_key, "pagination"],
            "properties": {
                self.rows_key: schema,
                "pagination": {"type": "object", "required": list(fields), "properties": fields},
            },
        }
