// Under each node's lock. All else stays until it is removed, so that a crash loses no knowledge of it.
UNWIND $rows AS row
MATCH (d:Document {entity_id: row.id})
SET d.lock = $lock
WITH d, row
WHERE d.project_name = $project_name AND coalesce(d.enrichment_status, '') <> 'deleted'
  AND coalesce(d.posted_at, d.indexed_at, '') <= $requested_at
SET d.version = d.version + 1, d.enrichment_status = 'deleted', d.deleted_at = $now, d.outbox = null
