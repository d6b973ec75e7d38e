// Of a project, those whose deletion is not at its end: a bare tombstone names no project.
MATCH (d:Document {project_name: $project_name})
WHERE d.enrichment_status = 'deleted'
RETURN properties(d) AS document
LIMIT $limit
