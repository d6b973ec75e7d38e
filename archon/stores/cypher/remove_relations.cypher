UNWIND $rows AS row
MATCH (:Entity {entity_id: row.source})-[r:CALLS|INHERITS]->(:Entity {entity_id: row.target})
WHERE type(r) = row.type
DELETE r
