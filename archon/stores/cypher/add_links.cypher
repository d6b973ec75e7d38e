// The importer is locked, as it may just lead its imports here itself.
UNWIND $rows AS row
MATCH (s:Document {entity_id: row.source})
SET s.lock = $lock
WITH s, row
MATCH (t:Document {entity_id: row.target})
WHERE t.enrichment_status <> 'deleted'
MERGE (t)<-[:IMPORTS {module: row.module}]-(s)
