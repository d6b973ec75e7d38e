UNWIND $documents AS each
UNWIND each.rows AS row
MATCH (:Document {entity_id: each.id})-[r:IMPORTS]->(:Module {module_id: row.module_id})
DELETE r
