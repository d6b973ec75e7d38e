UNWIND $rows AS row
MATCH (e:Entity {entity_id: row.id})
DETACH DELETE e
