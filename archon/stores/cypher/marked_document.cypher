MATCH (d:Document {entity_id: $id})
WHERE d.enrichment_status = 'deleted' AND d.project_name = $project_name
RETURN properties(d) AS document
