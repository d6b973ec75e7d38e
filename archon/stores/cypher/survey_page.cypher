// The properties that show whether documents are in order, a page in the order of ids.
MATCH (d:Document)
WHERE d.entity_id > $after
  AND coalesce(d.enrichment_status, '') <> 'deleted'
  AND ($project IS NULL OR d.project_name = $project)
RETURN d.entity_id AS document_id, d.version AS version, d.enrichment_status AS status,
       d.content_hash AS content_hash, d.indexed_at AS indexed_at,
       d.enrichment_content_hash AS enrichment_content_hash, d.embedded AS embedded,
       coalesce(d.content_preview, '') <> '' AS previewed, d.outbox AS outbox,
       d.quality_content_hash AS quality_content_hash, d.entities_content_hash AS entities_content_hash
ORDER BY document_id
LIMIT $limit
