// The number of these documents that a backfill can request, and the number that are parked instead.
MATCH (d:Document)
WHERE d.content_hash IS NOT NULL AND d.project_name IS NOT NULL
  AND NOT coalesce(d.enrichment_status, '') IN $left_out
  AND NOT (coalesce(d.enrichment_status, '') IN $live AND coalesce(d.indexed_at, '') > $live_since)
  AND ($project IS NULL OR d.project_name = $project)
  AND (coalesce(d.enrichment_content_hash, '') <> d.content_hash
       OR ($analyser IS NOT NULL AND coalesce(d.analyser_version, '') <> $analyser))
RETURN coalesce(d.enrichment_status, '') = 'failed' AS parked,
       coalesce(d.enrichment_content_hash, '') = d.content_hash AS enriched,
       d.analyser_version AS analyser_version, count(*) AS documents
