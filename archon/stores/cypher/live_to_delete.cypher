// The documents of a project that its deletion has not marked yet.
MATCH (d:Document {project_name: $project_name})
WHERE d.enrichment_status <> 'deleted' AND coalesce(d.posted_at, d.indexed_at) <= $requested_at
RETURN d.entity_id AS id
LIMIT $limit
