// The documents of a project whose deletion is not complete: a bare tombstone has no project.
MATCH (d:Document {project_name: $project_name})
WHERE d.enrichment_status = 'deleted'
RETURN properties(d) AS document
LIMIT $limit
