UNWIND $ids AS id
MATCH (m:Module {module_id: id})<-[r:IMPORTS]-(i:Document)
WHERE i.enrichment_status <> 'deleted'
RETURN i.entity_id AS id, i.file_path AS path, i.language AS language, m.name AS module, r.names AS names
