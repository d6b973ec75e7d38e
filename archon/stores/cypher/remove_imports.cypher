UNWIND $rows AS row
MATCH (d:Document {entity_id: $id})-[r:IMPORTS]->(:Module {module_id: row.module_id})
DELETE r
