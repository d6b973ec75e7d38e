// Tombstones that have not been revived since.
UNWIND $rows AS row
MATCH (d:Document {entity_id: row.id})
SET d.lock = $lock
WITH d, row WHERE d.enrichment_status = 'deleted' AND d.version = row.version
RETURN d.entity_id AS id, d.version AS version, d.deleted_at AS deleted_at,
       d.changed_key AS changed_key
