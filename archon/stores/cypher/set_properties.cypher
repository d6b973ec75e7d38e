// Within a transaction that holds the node's lock.
MATCH (d:Document {entity_id: $id})
SET d += $properties
