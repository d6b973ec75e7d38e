UNWIND $rows AS row
MATCH (d:Document {entity_id: row.id})-[:IMPORTS]->(m:Module)
RETURN DISTINCT m.module_id AS id
ORDER BY id
