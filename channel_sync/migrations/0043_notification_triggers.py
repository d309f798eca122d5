"""Triggers that write `channel_notifications`.

A trigger on the table knows every writer of a status: the single verbs of `events/store.py`, the comparisons that close
many conflicts in one UPDATE, the admin, SQL. It runs inside of their statement, so what happens is noted by no statement
more, and is undone with it. The conditions keep it from being called at all where no status changes.
"""

from django.db import migrations

EVENTS = """
CREATE FUNCTION channel_sync_note_event() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO channel_notifications (kind, channel_property_id, subject_id, payload)
    VALUES (
        CASE NEW.status
            WHEN 'done' THEN 'reservation.synced' WHEN 'failed' THEN 'event.failed'
            WHEN 'ignored' THEN 'event.ignored' ELSE 'event.retried'
        END,
        NEW.channel_property_id, NEW.id,
        jsonb_build_object(
            'event_id', NEW.id, 'direction', NEW.direction, 'event_type', NEW.event_type,
            'entity_type', NEW.entity_type, 'entity_internal_id', NEW.entity_internal_id,
            'entity_external_id', NEW.entity_external_id, 'attempts', NEW.attempts,
            'error', CASE WHEN NEW.status = 'failed' THEN substring(NEW.last_error FROM '^[A-Za-z_]+') END
        )
    );
    RETURN NULL;
END $$;
CREATE TRIGGER channel_sync_note_insert AFTER INSERT ON channel_events FOR EACH ROW
WHEN (NEW.status = 'done' AND NEW.entity_type = 'booking')
EXECUTE FUNCTION channel_sync_note_event();
CREATE TRIGGER channel_sync_note_update AFTER UPDATE OF status ON channel_events FOR EACH ROW
WHEN (
    OLD.status IS DISTINCT FROM NEW.status AND (
        NEW.status IN ('failed', 'received') OR (NEW.status = 'done' AND NEW.entity_type = 'booking')
        OR (NEW.status = 'ignored' AND OLD.status <> 'processing')
    )
)
EXECUTE FUNCTION channel_sync_note_event();
"""

CONFLICTS = """
CREATE FUNCTION channel_sync_note_conflict() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO channel_notifications (kind, channel_property_id, subject_id, payload)
    VALUES (
        CASE NEW.status WHEN 'open' THEN 'conflict.opened' ELSE 'conflict.resolved' END,
        NEW.channel_property_id, NEW.id,
        jsonb_build_object(
            'conflict_id', NEW.id, 'kind', NEW.kind, 'severity', NEW.severity, 'subject', NEW.subject,
            'status', NEW.status, 'resolution', NEW.resolution
        )
    );
    RETURN NULL;
END $$;
CREATE TRIGGER channel_sync_note_insert AFTER INSERT ON channel_conflicts FOR EACH ROW
WHEN (NEW.status = 'open')
EXECUTE FUNCTION channel_sync_note_conflict();
CREATE TRIGGER channel_sync_note_update AFTER UPDATE OF status ON channel_conflicts FOR EACH ROW
WHEN (OLD.status IS DISTINCT FROM NEW.status AND (OLD.status = 'open' OR NEW.status = 'open'))
EXECUTE FUNCTION channel_sync_note_conflict();
"""

# One change may be two things: a pause that ends for a property that has to be compared first.
PROPERTIES = """
CREATE FUNCTION channel_sync_note_property() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    kinds text[] := '{}';
BEGIN
    IF TG_OP = 'INSERT' THEN
        kinds := ARRAY['property.connected'];
    ELSE
        IF OLD.status IS DISTINCT FROM NEW.status THEN
            kinds := ARRAY[CASE NEW.status
                WHEN 'inactive' THEN 'property.paused' WHEN 'error' THEN 'property.login_refused'
                ELSE CASE OLD.status WHEN 'inactive' THEN 'property.resumed' ELSE 'property.connected' END
            END];
        END IF;
        IF OLD.held_since IS NULL AND NEW.held_since IS NOT NULL THEN
            kinds := kinds || 'property.held'::text;
        ELSIF OLD.held_since IS NOT NULL AND NEW.held_since IS NULL THEN
            kinds := kinds || 'property.live'::text;
        END IF;
    END IF;
    INSERT INTO channel_notifications (kind, channel_property_id, subject_id, payload)
    SELECT one, NEW.id, NEW.id, jsonb_build_object(
        'property_id', NEW.property_id, 'channel_name', NEW.channel_name, 'status', NEW.status,
        'is_held', NEW.held_since IS NOT NULL, 'rooms_closed', NEW.rooms_closed
    )
    FROM unnest(kinds) WITH ORDINALITY AS found (one, number) ORDER BY number;
    RETURN NULL;
END $$;
CREATE TRIGGER channel_sync_note_insert AFTER INSERT ON channel_properties FOR EACH ROW
EXECUTE FUNCTION channel_sync_note_property();
CREATE TRIGGER channel_sync_note_update AFTER UPDATE OF status, held_since ON channel_properties FOR EACH ROW
WHEN (OLD.status IS DISTINCT FROM NEW.status OR (OLD.held_since IS NULL) <> (NEW.held_since IS NULL))
EXECUTE FUNCTION channel_sync_note_property();
"""

# Raised when it was first sent: what is over before that was worth no message.
ALERTS = """
CREATE FUNCTION channel_sync_note_alert() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO channel_notifications (kind, channel_property_id, subject_id, payload)
    SELECT found.kind, NEW.channel_property_id, NEW.id, jsonb_build_object(
        'alert_id', NEW.id, 'kind', NEW.kind, 'subject', NEW.subject
    )
    FROM (VALUES
        (1, 'alert.raised', OLD.fired_to = '[]'::jsonb), (2, 'alert.ended', NEW.resolved_at IS NOT NULL)
    ) AS found (number, kind, is_so)
    WHERE found.is_so ORDER BY found.number;
    RETURN NULL;
END $$;
CREATE TRIGGER channel_sync_note_update AFTER UPDATE OF fired_to, resolved_at ON channel_alerts FOR EACH ROW
WHEN (
    NEW.fired_to <> '[]'::jsonb
    AND (OLD.fired_to = '[]'::jsonb OR (OLD.resolved_at IS NULL AND NEW.resolved_at IS NOT NULL))
)
EXECUTE FUNCTION channel_sync_note_alert();
"""


def _undone(table, name):
    return (
        f"DROP TRIGGER IF EXISTS channel_sync_note_insert ON {table}; "
        f"DROP TRIGGER IF EXISTS channel_sync_note_update ON {table}; DROP FUNCTION IF EXISTS {name}()"
    )


class Migration(migrations.Migration):
    dependencies = [
        ("channel_sync", "0042_notifications"),
    ]

    operations = [
        migrations.RunSQL(
            "CREATE SEQUENCE channel_notifications_position", "DROP SEQUENCE IF EXISTS channel_notifications_position"
        ),
        migrations.RunSQL(EVENTS, _undone("channel_events", "channel_sync_note_event")),
        migrations.RunSQL(CONFLICTS, _undone("channel_conflicts", "channel_sync_note_conflict")),
        migrations.RunSQL(PROPERTIES, _undone("channel_properties", "channel_sync_note_property")),
        migrations.RunSQL(ALERTS, _undone("channel_alerts", "channel_sync_note_alert")),
    ]
