"""Properties that are paused already get the beginning of their pause, and who began it, from the audit."""

from django.db import migrations

BEGUN = """
UPDATE channel_properties AS property
SET paused_at = begun.created_at, paused_by = begun.actor
FROM (
    SELECT DISTINCT ON (subject) subject, created_at, actor
    FROM channel_audit_entries
    WHERE action = 'property.paused'
      AND subject IN (SELECT 'property:' || id FROM channel_properties WHERE status = 'inactive')
    ORDER BY subject, created_at DESC
) AS begun
WHERE property.status = 'inactive' AND begun.subject = 'property:' || property.id
"""


class Migration(migrations.Migration):
    dependencies = [("channel_sync", "0034_pause")]

    operations = [migrations.RunSQL(BEGUN, migrations.RunSQL.noop)]
