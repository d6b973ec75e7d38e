UNWIND $rows AS row
MATCH (d:Document {entity_id: row.id})
WHERE d.version = row.version
SET d.outbox = $mark
