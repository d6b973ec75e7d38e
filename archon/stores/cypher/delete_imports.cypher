MATCH (d:Document {entity_id: $id})-[r:IMPORTS]->(:Module)
WITH collect(r) AS stale
UNWIND stale AS r
DELETE r
