"""Logins of people: with a role for all hotels, or for one."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group, Permission
from django.test import Client

from channel_sync.models import PropertyRole, Role
from pms_project.pms.models import HotelMembership, HotelSettings


def with_login() -> Client:
    """A user without any right: a login is enough to read what the API is like."""
    client = Client()
    client.force_login(get_user_model().objects.get_or_create(username="reader")[0])
    return client


def works_everywhere(user: Any, role: Role | None = None) -> Any:
    """The user works in all hotels, with the role in all of them."""
    user.user_permissions.add(Permission.objects.get(content_type__app_label="pms", codename="all_hotels"))
    if role is not None:
        user.groups.add(Group.objects.get(name=role.group))
    return user


def works_in(hotel: HotelSettings, role: Role | None = None, *, name: str = "clerk", **columns: Any) -> Any:
    """A user of one hotel, with a role for it."""
    user, _ = get_user_model().objects.get_or_create(username=name, defaults=columns)
    HotelMembership.objects.get_or_create(user=user, hotel=hotel)
    if role is not None:
        PropertyRole.objects.update_or_create(user=user, property=hotel, defaults={"role": role})
    return user
