MATCH (d:Document {entity_id: $id})-[:CONTAINS]->(e:Entity)-[r:CALLS|INHERITS]->(:Entity)
WITH collect(r) AS stale
UNWIND stale AS r
DELETE r
