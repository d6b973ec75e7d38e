MATCH (d:Document)
RETURN d.entity_id AS document_id
LIMIT 1
