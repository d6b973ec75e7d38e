MATCH (d:Document)
WHERE d.entity_id > $after AND d.enrichment_status <> 'deleted'
  AND ($projects IS NULL OR d.project_name IN $projects)
  AND ($status IS NULL OR d.enrichment_status = $status)
RETURN d.entity_id AS document_id, d.project_name AS project_name, d.file_path AS file_path,
       d.version AS version, d.content_hash AS content_hash, d.enrichment_status AS enrichment_status,
       d.enrichment_content_hash AS enrichment_content_hash, d.indexed_at AS indexed_at,
       d.enriched_at AS enriched_at, d.quality_score AS quality_score,
       d.original_path AS original_path
ORDER BY document_id
LIMIT $limit
