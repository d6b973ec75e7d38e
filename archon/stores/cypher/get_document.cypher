MATCH (d:Document {entity_id: $id})
WHERE d.enrichment_status <> 'deleted' AND ($projects IS NULL OR d.project_name IN $projects)
RETURN properties(d) AS document
