// Imports that lead from or to a document, each by the module it names.
MATCH (s:Document {entity_id: $id})-[r:IMPORTS]->(t:Document)
RETURN s.entity_id AS source, t.entity_id AS target, r.module AS module
UNION
MATCH (t:Document {entity_id: $id})<-[r:IMPORTS]-(s:Document)
RETURN s.entity_id AS source, t.entity_id AS target, r.module AS module
