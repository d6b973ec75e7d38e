UNWIND $rows AS row
MATCH (:Document {entity_id: row.source})-[r:IMPORTS]->(:Document {entity_id: row.target})
WHERE r.module = row.module
WITH collect(r) AS stale
UNWIND stale AS r
DELETE r
