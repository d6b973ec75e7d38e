// The states of nodes under their locks. Creates a bare node for a document that a producer names but
// nobody has indexed.
UNWIND $ids AS id
MERGE (d:Document {entity_id: id})
ON CREATE SET d.version = 0
SET d.lock = $lock
RETURN d.entity_id AS id, d.version AS version, d.project_name AS project_name,
       d.content_hash AS content_hash, d.indexed_at AS indexed_at, d.enrichment_status AS status,
       d.workflow_id AS workflow_id, d.dead_lettered AS dead_lettered,
       d.discarded_request AS discarded_request, d.previous_workflow_id AS previous_workflow_id,
       d.enrichment_content_hash AS enrichment_content_hash, d.past_hashes AS past_hashes,
       d.quality_content_hash AS quality_content_hash, d.entities_content_hash AS entities_content_hash
