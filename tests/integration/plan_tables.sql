-- The tables of the sync plan, to the letter; test_schema.py compares the catalogue with ours.
CREATE TABLE hotel_settings (id UUID PRIMARY KEY);
CREATE TABLE room_types (id UUID PRIMARY KEY);
CREATE TABLE reservations (id UUID PRIMARY KEY);
ALTER TABLE reservations ADD COLUMN version INTEGER DEFAULT 1;

CREATE TABLE channel_properties (
    id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    property_id UUID NOT NULL REFERENCES hotel_settings(id) ON DELETE CASCADE,
    channel_name VARCHAR(50) NOT NULL,
    channel_property_id VARCHAR(255) NOT NULL,
    config JSONB DEFAULT '{}',
    status VARCHAR(20) DEFAULT 'active' CHECK (status IN ('active', 'inactive', 'error')),
    last_sync_at TIMESTAMP WITH TIME ZONE,
    last_webhook_at TIMESTAMP WITH TIME ZONE,
    last_outbound_success_at TIMESTAMP WITH TIME ZONE,
    failed_events_24h INTEGER DEFAULT 0,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT CURRENT_TIMESTAMP,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT CURRENT_TIMESTAMP,
    UNIQUE(property_id, channel_name)
);
CREATE INDEX idx_channel_properties_property_channel ON channel_properties (property_id, channel_name);
CREATE INDEX idx_channel_properties_status ON channel_properties (status);

CREATE TABLE channel_mappings (
    id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    channel_property_id UUID NOT NULL REFERENCES channel_properties(id) ON DELETE CASCADE,
    mapping_type VARCHAR(50) NOT NULL CHECK (mapping_type IN ('room', 'rate', 'property', 'room_type')),
    internal_id UUID NOT NULL,
    external_id VARCHAR(255) NOT NULL,
    metadata JSONB DEFAULT '{}',
    is_active BOOLEAN DEFAULT true,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT CURRENT_TIMESTAMP,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT CURRENT_TIMESTAMP,
    UNIQUE(channel_property_id, mapping_type, internal_id),
    UNIQUE(channel_property_id, mapping_type, external_id)
);
CREATE INDEX idx_channel_mappings_channel_property ON channel_mappings (channel_property_id, mapping_type, is_active);
CREATE INDEX idx_channel_mappings_internal ON channel_mappings (mapping_type, internal_id);
CREATE INDEX idx_channel_mappings_external ON channel_mappings (mapping_type, external_id);

CREATE TABLE channel_events (
    id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    channel_property_id UUID NOT NULL REFERENCES channel_properties(id) ON DELETE CASCADE,
    direction VARCHAR(10) NOT NULL CHECK (direction IN ('inbound', 'outbound')),
    source VARCHAR(50) NOT NULL,
    event_type VARCHAR(100) NOT NULL,
    entity_type VARCHAR(50) NOT NULL,
    entity_external_id VARCHAR(255),
    entity_internal_id UUID,
    idempotency_key VARCHAR(255) NOT NULL,
    payload JSONB NOT NULL,
    normalized_payload JSONB,
    status VARCHAR(20) NOT NULL DEFAULT 'received'
        CHECK (status IN ('received', 'processing', 'done', 'retrying', 'failed', 'ignored')),
    attempts INTEGER DEFAULT 0,
    max_attempts INTEGER DEFAULT 3,
    last_error TEXT,
    received_at TIMESTAMP WITH TIME ZONE DEFAULT CURRENT_TIMESTAMP,
    processed_at TIMESTAMP WITH TIME ZONE,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT CURRENT_TIMESTAMP,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT CURRENT_TIMESTAMP
);
CREATE UNIQUE INDEX idx_channel_events_idempotency_key ON channel_events (idempotency_key);
CREATE INDEX idx_channel_events_external_id ON channel_events (entity_external_id);
CREATE INDEX idx_channel_events_channel_status ON channel_events (channel_property_id, status);
CREATE INDEX idx_channel_events_status_received ON channel_events (status, received_at);
CREATE INDEX idx_channel_events_entity_lookup ON channel_events (entity_type, entity_internal_id);
CREATE INDEX idx_channel_events_dlq ON channel_events (status, received_at) WHERE status = 'failed';

CREATE TABLE inventory_holds (
    id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    reservation_id UUID NOT NULL REFERENCES reservations(id) ON DELETE CASCADE,
    room_type_id UUID REFERENCES room_types(id) ON DELETE CASCADE,
    check_in DATE NOT NULL,
    check_out DATE NOT NULL,
    units_held INTEGER NOT NULL DEFAULT 1,
    hold_expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    status VARCHAR(20) DEFAULT 'active' CHECK (status IN ('active', 'confirmed', 'released', 'expired')),
    created_at TIMESTAMP WITH TIME ZONE DEFAULT CURRENT_TIMESTAMP,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT CURRENT_TIMESTAMP
);
CREATE INDEX idx_inventory_holds_reservation ON inventory_holds (reservation_id);
CREATE INDEX idx_inventory_holds_expires ON inventory_holds (hold_expires_at, status) WHERE status = 'active';
CREATE INDEX idx_inventory_holds_room_type_dates ON inventory_holds (room_type_id, check_in, check_out);

CREATE TABLE rate_limit_buckets (
    channel_property_id UUID PRIMARY KEY REFERENCES channel_properties(id),
    tokens INTEGER NOT NULL DEFAULT 100,
    capacity INTEGER NOT NULL DEFAULT 100,
    last_refill_at TIMESTAMP WITH TIME ZONE DEFAULT CURRENT_TIMESTAMP,
    refill_rate INTEGER NOT NULL DEFAULT 100,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT CURRENT_TIMESTAMP
);
