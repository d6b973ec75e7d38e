// In a transaction that holds the nodes' locks; leaves the bare tombstone.
UNWIND $rows AS row
MATCH (d:Document {entity_id: row.entity_id})
SET d = row
