// Locks the node and tells whether the claimed version is still its own, and what is there to clean up.
MATCH (d:Document {entity_id: $id})
SET d.lock = $lock
WITH d WHERE d.version = $version AND d.content_hash = $content_hash AND d.enrichment_status <> 'deleted'
OPTIONAL MATCH (d)-[r:CONTAINS|IMPORTS]->()
RETURN d.enrichment_status AS status, count(r) AS relationships
