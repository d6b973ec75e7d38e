// Imports of a project's Go sources, with the current target of each.
MATCH (i:Document {project_name: $project})-[r:IMPORTS]->(m:Module)
WHERE i.language = 'go' AND i.enrichment_status <> 'deleted'
OPTIONAL MATCH (i)-[l:IMPORTS]->(t:Document)
WHERE l.module = m.name
RETURN i.entity_id AS id, i.file_path AS path, i.language AS language, m.name AS module, r.names AS names,
       collect(t.entity_id) AS targets
