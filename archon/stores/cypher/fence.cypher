// Locks nodes and returns the rows of earlier enrichments, if the claimed version is current. `named` are
// the modules through which other documents link to the node.
UNWIND $rows AS row
MATCH (d:Document {entity_id: row.id})
SET d.lock = $lock
WITH d, row
WHERE d.version = row.version AND d.content_hash = row.content_hash AND d.enrichment_status <> 'deleted'
OPTIONAL MATCH (d)-[r:CONTAINS|IMPORTS]->()
WITH d, count(r) AS relationships
OPTIONAL MATCH (d)<-[r:IMPORTS]-(:Document)
RETURN d.entity_id AS id, d.enrichment_status AS status, d.linked_as AS linked_as, relationships,
       collect(DISTINCT r.module) AS named
