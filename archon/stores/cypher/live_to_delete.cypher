// What the deletion of a project is still to mark.
MATCH (d:Document {project_name: $project_name})
WHERE d.enrichment_status <> 'deleted' AND d.indexed_at <= $requested_at
RETURN d.entity_id AS id
LIMIT $limit
