// Under the node's lock, because others may add to the list at the same time.
MATCH (d:Document {entity_id: $id})
SET d.lock = $lock
WITH d
SET d.past_hashes = [hash IN coalesce(d.past_hashes, []) WHERE NOT hash IN $hashes]
