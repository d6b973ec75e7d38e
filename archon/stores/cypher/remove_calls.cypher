UNWIND $rows AS row
MATCH (:Entity {entity_id: row.source})-[r:CALLS]->(:Entity {entity_id: row.target})
DELETE r
