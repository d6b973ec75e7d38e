// Of a project's sources in Go, with where each leads now.
MATCH (i:Document {project_name: $project})-[r:IMPORTS]->(m:Module)
WHERE i.language = 'go' AND i.enrichment_status <> 'deleted'
OPTIONAL MATCH (i)-[l:IMPORTS]->(t:Document)
WHERE l.module = m.name
RETURN i.entity_id AS id, i.file_path AS path, i.language AS language, m.name AS module, r.names AS names,
       collect(t.entity_id) AS targets
