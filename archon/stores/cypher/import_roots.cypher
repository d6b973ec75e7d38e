MATCH (d:Document {import_key: $key})-[:CONTAINS]->(e:Entity {kind: 'module'})
WHERE d.enrichment_status <> 'deleted'
RETURN d.file_path AS path, e.name AS name
