UNWIND $ids AS id
MATCH (d:Document {entity_id: id})
RETURN d.entity_id AS document_id, d.changed_key AS changed_key, d.enrichment_status AS status,
       d.file_path AS file_path, d.language AS language, d.content_hash AS content_hash,
       d.entities_content_hash AS entities_content_hash, d.code_map AS code_map
