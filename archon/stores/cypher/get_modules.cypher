MATCH (d:Document {entity_id: $id})-[:IMPORTS]->(m:Module)
RETURN m.name AS name
ORDER BY name
