// Modules that resolve to no document.
MATCH (d:Document {entity_id: $id})-[:IMPORTS]->(m:Module)
OPTIONAL MATCH (d)-[r:IMPORTS]->(:Document)
WITH m, collect(r.module) AS led
WHERE NOT m.name IN led
RETURN m.name AS name
ORDER BY name
