UNWIND $ids AS id
MATCH (d:Document {entity_id: id})
WHERE d.enrichment_status <> 'deleted' AND ($projects IS NULL OR d.project_name IN $projects)
RETURN d.entity_id AS id, d.content_hash AS content_hash, d.content_preview AS preview, d.name AS name,
       d.file_path AS file_path, d.enrichment_status AS status, d.indexed_at AS indexed_at,
       d.enriched_at AS enriched_at
