"""Table `channel_property_roles`: who has which role for one property."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from channel_sync.models.columns import NamedIndex, created_at_column, uuid_primary_key


class Role(models.IntegerChoices):
    """Each may do what the one before it may. For all properties it is a permission, and a group that carries it."""

    VIEWER = 1
    OPERATOR = 2
    ADMINISTRATOR = 3

    @property
    def codename(self) -> str:
        """The permission of the role, for all properties."""
        return f"act_as_{self.name.lower()}"

    @property
    def group(self) -> str:
        """The name of the role's group."""
        return f"channel sync {self.name.lower()}s"


class PropertyRole(models.Model):
    """A role of one user for one property of the PMS, whether that is connected yet or not."""

    id = uuid_primary_key()
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        related_name="channel_property_roles",
        db_index=False,
        db_constraint=False,
    )
    property = models.ForeignKey(
        settings.CHANNEL_SYNC_PROPERTY_MODEL,
        on_delete=models.CASCADE,
        related_name="channel_roles",
        db_index=False,
        db_constraint=False,
    )
    role = models.SmallIntegerField(choices=Role)
    created_at = created_at_column()

    class Meta:
        db_table = "channel_property_roles"
        verbose_name = "role for a property"
        verbose_name_plural = "roles for a property"
        constraints = [
            models.UniqueConstraint(fields=["user", "property"], name="channel_property_roles_user_property_key"),
            models.CheckConstraint(condition=models.Q(role__in=Role.values), name="channel_property_roles_role_check"),
        ]
        indexes = [NamedIndex(fields=["property"], name="idx_channel_property_roles_property")]

    def __str__(self) -> str:
        return f"{self.user}: {Role(self.role).label} of {self.property}"
