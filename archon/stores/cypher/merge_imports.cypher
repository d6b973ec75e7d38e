// All documents of a project may import the same module. It is written only if it is new, so that its
// importers do not conflict there. MERGE starts from the document, because it follows the edges of the
// first node.
UNWIND $documents AS each
MATCH (d:Document {entity_id: each.id})
UNWIND each.rows AS row
MERGE (m:Module {module_id: row.module_id})
ON CREATE SET m.project_name = row.project_name, m.name = row.name
WITH d, m, row
MERGE (d)-[r:IMPORTS]->(m)
SET r.names = row.names
