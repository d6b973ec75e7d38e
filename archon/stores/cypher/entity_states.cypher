MATCH (d:Document {entity_id: $id})-[:CONTAINS]->(e:Entity)
RETURN properties(e) AS entity
