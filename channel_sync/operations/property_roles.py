"""Grant a user a role for one property, change it, take it back; each is kept in the audit."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db import transaction
from django.http import HttpRequest

from channel_sync.models import AuditAction, PropertyRole, Role
from channel_sync.operations.access import access_in
from channel_sync.operations.audit import note

# Whoever may change users can put them into the groups, and so give them any role.
MAY_CHANGE_USERS = "auth.change_user"


def may_grant(request: HttpRequest) -> bool:
    """Whether its user may give and take roles: administrators of all properties, and who may change users."""
    return access_in(request).is_for_all(Role.ADMINISTRATOR) or bool(request.user.has_perm(MAY_CHANGE_USERS))


@transaction.atomic
def grant(user: Any, property_id: UUID, role: Role, *, by: str) -> PropertyRole:
    """The user has this role for the property from now on, in place of the one before."""
    made, _ = PropertyRole.objects.update_or_create(user=user, property_id=property_id, defaults={"role": role})
    note(
        by, AuditAction.ROLE_GRANTED, f"user:{user.get_username()}",
        property_id=str(property_id), role=Role(role).name.lower(),
    )  # fmt: skip
    return made


@transaction.atomic
def revoke(held: PropertyRole, *, by: str) -> None:
    """The user has no role for this property any more, other than one for all."""
    held.delete()
    note(
        by, AuditAction.ROLE_REVOKED, f"user:{held.user.get_username()}",
        property_id=str(held.property_id), role=Role(held.role).name.lower(),
    )  # fmt: skip
