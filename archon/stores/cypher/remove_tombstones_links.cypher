UNWIND $rows AS row
MATCH (:Document {entity_id: row.id})-[r:IMPORTS]-(:Document)
WITH collect(DISTINCT r) AS stale
UNWIND stale AS r
DELETE r
