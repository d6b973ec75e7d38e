// Locks the node. Entries are "event run", the oldest first. A tombstone stays bare and keeps none.
MATCH (d:Document {entity_id: $id})
SET d.lock = $lock
WITH d WHERE coalesce(d.enrichment_status, '') <> 'deleted'
RETURN coalesce(d.told, []) AS tellers
