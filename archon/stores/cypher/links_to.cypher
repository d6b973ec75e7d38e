// The deleted documents, and the modules through which others link to them.
UNWIND $rows AS row
MATCH (d:Document {entity_id: row.id})
OPTIONAL MATCH (d)<-[r:IMPORTS]-(s:Document)
WHERE s.enrichment_status <> 'deleted'
RETURN DISTINCT d.project_name AS project, d.language AS language, r.module AS module
