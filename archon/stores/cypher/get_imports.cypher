MATCH (d:Document {entity_id: $id})-[r:IMPORTS]->(t:Document)
WHERE t.enrichment_status <> 'deleted'
RETURN t.entity_id AS document_id, t.file_path AS file_path, r.module AS module
ORDER BY file_path, module
