MATCH (d:Document {entity_id: $id})
UNWIND $rows AS row
MERGE (m:Module {module_id: row.module_id})
SET m.project_name = row.project_name, m.name = row.name
WITH d, m, row
MERGE (m)<-[r:IMPORTS]-(d)
SET r.names = row.names
