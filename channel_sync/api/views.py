"""What all views of the admin API have in common."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from rest_framework import viewsets
from rest_framework.permissions import IsAuthenticated
from rest_framework.renderers import JSONRenderer
from rest_framework.settings import api_settings

from channel_sync.api.pagination import ListPagination
from channel_sync.api.parsers import LimitedJSONParser
from channel_sync.api.permissions import HasRole
from channel_sync.api.refusals import RefusalHandler
from channel_sync.api.schema import RefusalAutoSchema
from channel_sync.api.throttles import WriteThrottle
from channel_sync.operations.roles import Role, has_role


class OperationsViewSet(viewsets.GenericViewSet[Any]):
    """JSON, roles, our pages and refusals; nothing of it hangs on the host's REST_FRAMEWORK settings but the login."""

    roles: ClassVar[Mapping[str, Role]] = {}
    rows_key = "results"
    schema = RefusalAutoSchema()
    permission_classes = (IsAuthenticated, HasRole)
    pagination_class: Any = ListPagination
    renderer_classes = (JSONRenderer,)
    parser_classes = (LimitedJSONParser,)
    throttle_classes = (WriteThrottle,)
    lookup_value_converter = "uuid"
    lookup_value_regex = "[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}"

    @property
    def actor(self) -> str:
        """Who asks, for the audit."""
        return self.request.user.get_username()

    def get_serializer_context(self) -> dict[str, Any]:
        """Guests' data are for operators."""
        return {**super().get_serializer_context(), "sees_guests": has_role(self.request.user, Role.OPERATOR)}

    def get_exception_handler(self) -> Callable[..., Any]:
        """Our errors by our handler; what is not to be expected by the host's."""
        fallback: Any = api_settings.EXCEPTION_HANDLER

        def handle(error: Exception, context: Any) -> Any:
            refused = RefusalHandler(error, context).run()
            return refused if refused is not None else fallback(error, context)

        return handle
