"""What all views of the admin API have in common."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from functools import cached_property
from typing import Any, ClassVar, cast
from uuid import UUID

from django.db.models import QuerySet
from django.http import Http404
from django_filters.rest_framework import DjangoFilterBackend
from rest_framework import viewsets
from rest_framework.exceptions import PermissionDenied
from rest_framework.permissions import IsAuthenticated
from rest_framework.renderers import JSONRenderer
from rest_framework.response import Response
from rest_framework.settings import api_settings

from channel_sync.api.challenges import Challenges
from channel_sync.api.known_keys import KnownBodies
from channel_sync.api.known_parameters import KnownParameters
from channel_sync.api.pagination import ListPagination
from channel_sync.api.parsers import LimitedJSONParser
from channel_sync.api.permissions import HasRole
from channel_sync.api.refusals import RefusalHandler
from channel_sync.api.schema import RefusalAutoSchema
from channel_sync.api.throttles import WriteThrottle
from channel_sync.connections.connect import host_properties
from channel_sync.models import ChannelProperty, Role
from channel_sync.operations.access import Access, access_of, path_to_property


class OperationsViewSet(Challenges, KnownParameters, KnownBodies, viewsets.GenericViewSet[Any]):
    """JSON, roles, filters, pages and refusals; of the host's REST_FRAMEWORK settings it takes the login only.

    The queryset holds only rows of properties that the user sees; a view of a model without a property cannot be made.
    """

    roles: ClassVar[Mapping[str, Role]] = {}
    rows_key = "results"
    schema = RefusalAutoSchema()
    permission_classes = (IsAuthenticated, HasRole)
    pagination_class: Any = ListPagination
    filter_backends: Any = (DjangoFilterBackend,)
    renderer_classes = (JSONRenderer,)
    parser_classes = (LimitedJSONParser,)
    throttle_classes = (WriteThrottle,)
    lookup_value_converter = "uuid"
    lookup_value_regex = "[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}"

    def __init_subclass__(cls, **options: Any) -> None:
        """Fail when the view is written, not when somebody sees too much."""
        super().__init_subclass__(**options)
        path_to_property(cast(QuerySet[Any], cls.queryset).model)

    @cached_property
    def access(self) -> Access:
        """What the user may see and do; a view is made for one request."""
        return access_of(self.request.user)

    def get_queryset(self) -> QuerySet[Any]:
        """Rows of properties that the user sees."""
        return self.access.limit(super().get_queryset())

    @staticmethod
    def property_of(row: Any) -> UUID | None:
        """The channel property of a row."""
        found: UUID | None = row.pk if isinstance(row, ChannelProperty) else row.channel_property_id
        return found

    def require(self, role: Role, channel_property: ChannelProperty) -> None:
        """Raise `PermissionDenied` where the role on a property that the body names, and the user sees, is too low."""
        if not self.access.may(role, channel_property.pk):
            raise PermissionDenied

    def properties_in(self, answer: Response) -> Collection[UUID]:
        """The property of the PMS that an answer is about; none where it is about the whole installation."""
        named = ChannelProperty.objects.filter(pk=answer.data["channel_property_id"])
        return list(named.values_list("property_id", flat=True))

    def require_rights_on(self, properties: Collection[UUID]) -> None:
        """Raise `Http404` where one of these properties of the PMS is not seen, `PermissionDenied` for a low role."""
        named = host_properties().filter(pk__in=properties)
        if self.access.limit_host(named, Role.VIEWER).count() < len(properties):
            raise Http404
        if self.access.limit_host(named, self.roles[self.action]).count() < len(properties):
            raise PermissionDenied

    def paginate_queryset(self, queryset: Any) -> Any:
        """The roles on all properties of a page are looked up at once."""
        page = super().paginate_queryset(queryset)
        self.access.learn(self.property_of(row) for row in page or ())
        return page

    @property
    def actor(self) -> str:
        """Who asks, for the audit."""
        return self.request.user.get_username()

    def get_serializer_context(self) -> dict[str, Any]:
        """Serializers ask the access whose guests they may show, and which properties a body may name."""
        return {**super().get_serializer_context(), "access": self.access}

    def get_exception_handler(self) -> Callable[..., Any]:
        """Our errors by our handler; what is not to be expected by the host's."""
        fallback: Any = api_settings.EXCEPTION_HANDLER

        def handle(error: Exception, context: Any) -> Any:
            refused = RefusalHandler(error, context).run()
            return refused if refused is not None else fallback(error, context)

        return handle
