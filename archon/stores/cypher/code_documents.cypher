// The ids of a project's documents, without those of deleted ones.
MATCH (d:Document {project_name: $project})
WHERE d.entity_id > $after AND coalesce(d.enrichment_status, '') <> 'deleted'
RETURN d.entity_id AS document_id
ORDER BY document_id
LIMIT $limit
