UNWIND $rows AS row
MATCH (d:Document {entity_id: row.id})-[r:IMPORTS]->(:Module)
WITH collect(r) AS stale
UNWIND stale AS r
DELETE r
