// A revived document must be linked again.
UNWIND $rows AS row
MATCH (d:Document {entity_id: row.id})
SET d.linked_as = null
WITH d
MATCH (d)-[r:IMPORTS]-(:Document)
WITH collect(DISTINCT r) AS stale
UNWIND stale AS r
DELETE r
