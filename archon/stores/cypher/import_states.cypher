MATCH (d:Document {entity_id: $id})-[r:IMPORTS]->(m:Module)
RETURN m.module_id AS module_id, r.names AS names
