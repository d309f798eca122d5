"""Who may do what: three roles, each of which may do what the one before it may; nobody has one by default."""

from __future__ import annotations

from enum import IntEnum
from typing import Any

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser, Group, Permission
from django.db.models.signals import post_migrate

from channel_sync.models import ChannelProperty


class Role(IntEnum):
    """A role is a permission (`channel_sync.act_as_…`) and a group that carries it."""

    VIEWER = 1
    OPERATOR = 2
    ADMINISTRATOR = 3

    @property
    def codename(self) -> str:
        """The permission of the role."""
        return f"act_as_{self.name.lower()}"

    @property
    def group(self) -> str:
        """The name of the role's group."""
        return f"channel sync {self.name.lower()}s"


def has_role(user: AbstractBaseUser | AnonymousUser, role: Role) -> bool:
    """Whether a user has the role, or one above it; superusers have all, inactive users none."""
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
