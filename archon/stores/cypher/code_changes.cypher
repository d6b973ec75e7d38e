// What changed in a project since a key: the keys of all projects are in one index.
MATCH (d:Document)
WHERE d.changed_key >= $key AND d.changed_key < $end AND (d.changed_key > $key OR d.entity_id > $after)
RETURN d.entity_id AS document_id, d.changed_key AS changed_key, d.enrichment_status AS status
ORDER BY changed_key, document_id
LIMIT $limit
