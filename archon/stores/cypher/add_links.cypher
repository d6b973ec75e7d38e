// The importer is locked, as it may just lead its imports here itself. MERGE is from its side: what it imports
// may be imported by hundreds.
UNWIND $rows AS row
MATCH (s:Document {entity_id: row.source})
SET s.lock = $lock
WITH s, row
MATCH (t:Document {entity_id: row.target})
WHERE t.enrichment_status <> 'deleted'
MERGE (s)-[:IMPORTS {module: row.module}]->(t)
