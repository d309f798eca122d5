"""Three roles, each of which may do what the one before it may; nobody has one by default.

Here they are for all properties that a user may see; `access.py` knows those for one property too, and decides.
"""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser, Group, Permission
from django.db.models.signals import post_migrate

from channel_sync.models import ChannelProperty, Role

__all__ = ["Role", "follow_migrations", "has_role"]


def has_role(user: AbstractBaseUser | AnonymousUser, role: Role) -> bool:
    """Whether a user has the role, or one above it, for all properties; superusers have all, inactive users none."""
    return any(user.has_perm(f"channel_sync.{held.codename}") for held in Role if held >= role)  # type: ignore[union-attr]


def follow_migrations() -> None:
    """Connect the receiver; called once, when the apps are ready."""
    post_migrate.connect(_make_groups, dispatch_uid="channel_sync.roles")


def _make_groups(app_config: Any, using: str, **_: object) -> None:
    """One group per role, made once: what a host changes in it afterwards stays."""
    if app_config.name != "channel_sync":
        return
    for role in Role:
        permission = Permission.objects.using(using).filter(
            content_type__app_label="channel_sync",
            content_type__model=ChannelProperty._meta.model_name,
            codename=role.codename,
        )
        if not permission.exists():
            continue
        group, is_new = Group.objects.using(using).get_or_create(name=role.group)
        if is_new:
            group.permissions.add(permission.get())
