UNWIND $ids AS id
MATCH (d:Document {entity_id: id})
RETURN d.entity_id AS document_id, d.version AS version, d.enrichment_status AS status,
       d.content_hash AS content_hash, d.project_name AS project_name
