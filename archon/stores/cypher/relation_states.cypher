MATCH (d:Document {entity_id: $id})-[:CONTAINS]->(s:Entity)-[r:CALLS|INHERITS]->(t:Entity)
RETURN s.entity_id AS source, t.entity_id AS target, type(r) AS type
