// A page of documents whose current content is not enriched or, optionally, was enriched by another
// analyser version. Always includes nodes without a project: a node of the older shape may have the project
// in `properties`.
MATCH (d:Document)
WHERE d.entity_id > $after
  AND NOT coalesce(d.enrichment_status, '') IN $left_out
  AND NOT (coalesce(d.enrichment_status, '') IN $live AND coalesce(d.indexed_at, '') > $live_since)
  AND ($project IS NULL OR coalesce(d.project_name, $project) = $project)
  AND (d.content_hash IS NULL OR coalesce(d.enrichment_content_hash, '') <> d.content_hash
       OR ($analyser IS NOT NULL AND coalesce(d.analyser_version, '') <> $analyser))
RETURN d.entity_id AS document_id, properties(d) AS document
ORDER BY document_id
LIMIT $limit
