MATCH (d:Document {entity_id: $id})<-[r:IMPORTS]-(s:Document)
WHERE s.enrichment_status <> 'deleted'
RETURN s.entity_id AS document_id, s.file_path AS file_path, r.module AS module
ORDER BY file_path, module
