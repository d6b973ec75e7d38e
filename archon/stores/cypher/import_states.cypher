// The imports of documents: the modules, and the documents that they resolve to.
UNWIND $ids AS id
MATCH (d:Document {entity_id: id})-[r:IMPORTS]->(n)
RETURN d.entity_id AS document_id, n.module_id AS module_id, r.names AS names, n.entity_id AS target,
       r.module AS module
