// The importer is locked, because it may be resolving its own imports at the moment. MERGE starts from the
// importer: hundreds of documents may import the target.
UNWIND $rows AS row
MATCH (s:Document {entity_id: row.source})
SET s.lock = $lock
WITH s, row
MATCH (t:Document {entity_id: row.target})
WHERE t.enrichment_status <> 'deleted'
MERGE (s)-[:IMPORTS {module: row.module}]->(t)
