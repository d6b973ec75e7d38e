// A module may be imported by all of a project: it is written when it is new alone, so that its importers do not
// meet there, and MERGE is from the document's side, as it follows the edges of the node that comes first.
UNWIND $documents AS each
MATCH (d:Document {entity_id: each.id})
UNWIND each.rows AS row
MERGE (m:Module {module_id: row.module_id})
ON CREATE SET m.project_name = row.project_name, m.name = row.name
WITH d, m, row
MERGE (d)-[r:IMPORTS]->(m)
SET r.names = row.names
