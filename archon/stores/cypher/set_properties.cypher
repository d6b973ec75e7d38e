// In a transaction that holds the nodes' locks.
UNWIND $rows AS row
MATCH (d:Document {entity_id: row.id})
SET d += row.properties
