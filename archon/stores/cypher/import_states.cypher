MATCH (d:Document {entity_id: $id})-[:IMPORTS]->(m:Module)
RETURN m.module_id AS module_id
