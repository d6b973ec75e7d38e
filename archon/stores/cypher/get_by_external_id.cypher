MATCH (d:Document {external_id: $external_id})
WHERE $project IS NULL OR d.project_name = $project
RETURN d.entity_id AS id
LIMIT 2
