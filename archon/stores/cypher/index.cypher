// Creates, updates or revives the nodes of documents. If `mine` is false, another project has the document
// and nothing changed. A bare tombstone has no project. A run that has not ended keeps its workflow id on
// the node, for the next claim. The language is that of the enrichment, unless the request names another. A
// document under another path is enriched again: imports are resolved by paths.
UNWIND $rows AS row
MERGE (d:Document {entity_id: row.id})
ON CREATE SET d.version = 0, d.project_name = row.project_name
SET d.lock = row.lock
WITH d, row,
     coalesce(d.project_name, row.project_name) = row.project_name AS mine,
     coalesce(d.enrichment_status, '') = 'deleted' AS deleted,
     coalesce(d.content_hash, row.content_hash) <> row.content_hash AS replaced,
     coalesce(d.named_language, d.language, '') <> coalesce(row.described.named_language, '') AS renamed,
     coalesce(d.content_hash, '') <> row.content_hash OR coalesce(d.enrichment_status, '') = 'deleted' AS changed,
     coalesce(d.file_path, '') <> row.described.file_path AS moved,
     row.wanted AND coalesce(d.enrichment_status, '') = 'completed'
       AND d.file_path <> row.described.file_path AS outdated
FOREACH (_ IN CASE WHEN mine AND (changed OR renamed) THEN [1] ELSE [] END |
  SET d.language = row.described.named_language)
FOREACH (_ IN CASE WHEN mine AND (changed OR renamed OR moved) THEN [1] ELSE [] END |
  SET d.changed_key = row.changed_key)
FOREACH (_ IN CASE WHEN mine THEN [1] ELSE [] END |
  SET d += row.described, d.project_name = row.project_name)
FOREACH (_ IN CASE WHEN mine AND deleted THEN [1] ELSE [] END |
  SET d.deleted_at = null, d.enrichment_content_hash = null, d.quality_content_hash = null,
      d.entities_content_hash = null, d.code_map = null)
FOREACH (_ IN CASE WHEN mine AND replaced AND NOT d.content_hash IN coalesce(d.past_hashes, []) THEN [1] ELSE [] END |
  SET d.past_hashes = coalesce(d.past_hashes, []) + [d.content_hash])
FOREACH (_ IN CASE WHEN mine AND changed THEN [1] ELSE [] END |
  SET d.workflow_id = CASE WHEN d.enrichment_status IN $ended THEN null ELSE d.workflow_id END,
      d.version = d.version + 1,
      d += row.content)
FOREACH (_ IN CASE WHEN mine AND outdated THEN [1] ELSE [] END |
  SET d.enrichment_status = 'pending', d.enrichment_content_hash = null, d.indexed_at = row.content.indexed_at)
FOREACH (_ IN CASE WHEN mine AND row.wanted AND d.enrichment_status <> 'completed' THEN [1] ELSE [] END |
  SET d += row.outbox)
RETURN d.entity_id AS id, mine, changed, d.version AS version, d.enrichment_status AS status,
       size(coalesce(d.past_hashes, [])) AS former
