// Under each node's lock. Other data stays until it is removed, so a crash loses no information about it.
UNWIND $rows AS row
MATCH (d:Document {entity_id: row.id})
SET d.lock = $lock
WITH d, row
WHERE d.project_name = $project_name AND coalesce(d.enrichment_status, '') <> 'deleted'
  AND coalesce(d.posted_at, d.indexed_at, '') <= $requested_at
SET d.version = d.version + 1, d.enrichment_status = 'deleted', d.deleted_at = $now, d.outbox = null,
    d.changed_key = $changed_key
