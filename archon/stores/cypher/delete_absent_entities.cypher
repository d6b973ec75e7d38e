MATCH (d:Document {entity_id: $id})-[:CONTAINS]->(e:Entity)
WHERE e.written_by <> $written_by
DETACH DELETE e
