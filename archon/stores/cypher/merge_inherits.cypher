UNWIND $rows AS row
MATCH (s:Entity {entity_id: row.source})
MATCH (t:Entity {entity_id: row.target})
MERGE (t)<-[:INHERITS]-(s)
