MATCH (d:Document {external_id: $external_id})
WHERE d.enrichment_status <> 'deleted' AND ($projects IS NULL OR d.project_name IN $projects)
RETURN d.entity_id AS id
LIMIT 2
