// Locks the node; its entries are "event run", the oldest first.
MATCH (d:Document {entity_id: $id})
SET d.lock = $lock
RETURN coalesce(d.told, []) AS told
