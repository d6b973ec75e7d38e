MATCH (d:Document {entity_id: $id})-[:CONTAINS]->(s:Entity)-[:CALLS]->(t:Entity)
RETURN s.entity_id AS source, t.entity_id AS target
