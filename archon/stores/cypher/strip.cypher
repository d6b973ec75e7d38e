// Within a transaction that holds the nodes' locks: what stays is the bare tombstone.
UNWIND $rows AS row
MATCH (d:Document {entity_id: row.entity_id})
SET d = row
