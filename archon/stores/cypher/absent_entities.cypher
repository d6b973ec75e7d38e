MATCH (d:Document {entity_id: $id})-[:CONTAINS]->(e:Entity)
WHERE e.written_by <> $written_by
RETURN e.entity_id AS id
