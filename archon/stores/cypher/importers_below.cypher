MATCH (m:Module {project_name: $project})<-[r:IMPORTS]-(i:Document)
WHERE m.name = $root OR m.name STARTS WITH $root + '/'
RETURN i.entity_id AS id, i.file_path AS path, i.language AS language, m.name AS module, r.names AS names
