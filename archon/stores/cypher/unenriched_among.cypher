// The same for the given documents.
UNWIND $ids AS id
MATCH (d:Document {entity_id: id})
WHERE NOT coalesce(d.enrichment_status, '') IN $left_out
  AND NOT (coalesce(d.enrichment_status, '') IN $live AND coalesce(d.indexed_at, '') > $live_since)
  AND ($project IS NULL OR coalesce(d.project_name, $project) = $project)
  AND (d.content_hash IS NULL OR coalesce(d.enrichment_content_hash, '') <> d.content_hash
       OR ($analyser IS NOT NULL AND coalesce(d.analyser_version, '') <> $analyser))
RETURN d.entity_id AS document_id, properties(d) AS document
ORDER BY document_id
