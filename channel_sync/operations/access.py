"""What one user may see and do: a role for all properties, or for one, within what the host lets the user see.

Whoever answers a person asks here, once per request. The database limits the rows: by a few ids, else by a subquery.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar
from uuid import UUID

from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.core.exceptions import FieldDoesNotExist
from django.db.models import ForeignKey, Model, QuerySet
from django.http import HttpRequest

from channel_sync.models import ChannelProperty, PropertyRole, Role
from channel_sync.operations.roles import has_role
from channel_sync.pms import visible_properties

Rows = TypeVar("Rows", bound=Model)

# Ids that are looked up before; more of them stay a subquery.
FEW = 20


@dataclass(frozen=True)
class Access:
    """The rights of one user, as they were when the request came.

    `everywhere` is the role for all properties that the user may see, `cap` are their ids in the PMS, None for all.
    """

    user_id: Any
    everywhere: Role | None
    cap: QuerySet[Any, Any] | Collection[UUID] | None
    _held: dict[Role, bool] = field(default_factory=dict, repr=False, compare=False)
    _few: dict[Role, Sequence[UUID] | None] = field(default_factory=dict, repr=False, compare=False)
    _known: dict[UUID, Role | None] = field(default_factory=dict, repr=False, compare=False)

    def is_for_all(self, role: Role) -> bool:
        """Whether the role holds for every property there is: what is about none of them is for those users only."""
        return self.everywhere is not None and self.everywhere >= role and self.cap is None

    def has(self, role: Role) -> bool:
        """Whether the user has the role for one property at least: enough for a menu, never for a row."""
        if self.everywhere is not None and self.everywhere >= role:
            return True
        if role not in self._held:
            self._held[role] = self.granted(role).exists()
        return self._held[role]

    def properties(self, role: Role = Role.VIEWER) -> QuerySet[ChannelProperty]:
        """The channel properties of which the user has the role."""
        found = ChannelProperty.objects.all()
        if self.is_for_all(role):
            return found
        if self.everywhere is None or self.everywhere < role:
            return found.filter(property__in=self.granted(role).values("property"))
        return found if self.cap is None else found.filter(property__in=self.cap)

    def limit(self, rows: QuerySet[Rows], role: Role = Role.VIEWER) -> QuerySet[Rows]:
        """Only rows of properties of which the user has the role. Raises `TypeError` for a model without a property."""
        path = path_to_property(rows.model)
        if self.is_for_all(role):
            return rows
        few = self._few_keys(role)
        return rows.filter(**{f"{path}__in": self.properties(role).values("pk") if few is None else few})

    def limit_host(self, properties: QuerySet[Rows], role: Role) -> QuerySet[Rows]:
        """Only those properties of the PMS, connected or not, of which the user has the role."""
        if self.is_for_all(role):
            return properties
        if self.everywhere is None or self.everywhere < role:
            return properties.filter(pk__in=self.granted(role).values("property"))
        return properties if self.cap is None else properties.filter(pk__in=self.cap)

    def visible(self, properties: QuerySet[ChannelProperty]) -> QuerySet[ChannelProperty]:
        """Those that a page of the host may name to the user: by the role, or by the host where the user has none."""
        if self.has(Role.VIEWER):
            return self.limit(properties)
        return properties if self.cap is None else properties.filter(property__in=self.cap)

    def may(self, role: Role, channel_property_id: UUID | None) -> bool:
        """Whether the user has the role on a channel property; on None, what is about no property."""
        if self.is_for_all(role):
            return True
        if channel_property_id is None:
            return False
        self.learn([channel_property_id])
        found = self._known[channel_property_id]
        return found is not None and found >= role

    def learn(self, channel_property_ids: Iterable[UUID | None]) -> None:
        """Look up the roles on some channel properties at once; `may` then asks the database no more about them."""
        wanted = {one for one in channel_property_ids if one is not None} - self._known.keys()
        if not wanted or self.is_for_all(Role.ADMINISTRATOR):
            return
        self._known.update(dict.fromkeys(wanted))
        for role in Role:
            held = self.properties(role).filter(pk__in=wanted).values_list("pk", flat=True)
            self._known.update(dict.fromkeys(held, role))

    def _few_keys(self, role: Role) -> Sequence[UUID] | None:
        """The ids, where they are few: a list of events can then be read in order by the index of its property."""
        if role not in self._few:
            found = list(self.properties(role).order_by().values_list("pk", flat=True)[: FEW + 1])
            self._few[role] = found if len(found) <= FEW else None
        return self._few[role]

    def granted(self, role: Role) -> QuerySet[PropertyRole]:
        """Roles for single properties that are at least this one, of properties that the user may see."""
        if self.user_id is None:
            return PropertyRole.objects.none()
        found = PropertyRole.objects.filter(user=self.user_id, role__gte=role)
        return found if self.cap is None else found.filter(property__in=self.cap)


def access_of(user: AbstractBaseUser | AnonymousUser) -> Access:
    """The rights of a user; nobody, and an inactive user, has none."""
    if not user.is_authenticated or not user.is_active:
        return Access(None, None, ())
    everywhere = max((role for role in Role if has_role(user, role)), default=None)
    return Access(user.pk, everywhere, visible_properties(user))


def access_now(user: AbstractBaseUser | AnonymousUser) -> Access:
    """The rights of a user as the database has them at this moment, whatever a long request has learnt before."""
    if user.pk is None:
        return access_of(user)
    return access_of(get_user_model()._default_manager.filter(pk=user.pk).first() or AnonymousUser())


def access_in(request: HttpRequest) -> Access:
    """The rights of the user of a request, looked up once for all of it."""
    found: Access | None = getattr(request, "channel_sync_access", None)
    if found is None:
        found = access_of(request.user)
        request.channel_sync_access = found  # type: ignore[attr-defined]
    return found


def path_to_property(model: type[Model]) -> str:
    """The lookup from a model to its channel property.

    Raises `TypeError` for a model that has none: its rows cannot be limited, so they are not to be shown.
    """
    if model is ChannelProperty:
        return "pk"
    try:
        found = model._meta.get_field("channel_property")
    except FieldDoesNotExist:
        found = None
    if not isinstance(found, ForeignKey) or found.related_model is not ChannelProperty:
        raise TypeError(f"{model._meta.label} has no channel property: say whose rows may be seen before they are.")
    return "channel_property"
