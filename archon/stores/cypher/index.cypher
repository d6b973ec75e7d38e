// One document's node, created or updated; `mine` is false, and nothing changed, in another project.
// A run that has not ended keeps its workflow id on the node, so that the next claim can tell it.
MERGE (d:Document {entity_id: $id})
ON CREATE SET d.version = 0, d.project_name = $project_name
SET d.lock = $lock
WITH d,
     d.project_name = $project_name AS mine,
     coalesce(d.content_hash, '') <> $content_hash OR coalesce(d.enrichment_status, '') = 'deleted' AS changed
FOREACH (_ IN CASE WHEN mine THEN [1] ELSE [] END | SET d += $described)
FOREACH (_ IN CASE WHEN mine AND changed THEN [1] ELSE [] END |
  SET d.workflow_id = CASE WHEN d.enrichment_status IN $ended THEN null ELSE d.workflow_id END,
      d.version = d.version + 1,
      d += $content)
FOREACH (_ IN CASE WHEN mine AND $wanted AND d.enrichment_status <> 'completed' THEN [1] ELSE [] END |
  SET d += $outbox)
RETURN mine, changed, d.version AS version, d.enrichment_status AS status
