// The importers of these modules, and the current target of each import.
UNWIND $ids AS id
MATCH (m:Module {module_id: id})<-[r:IMPORTS]-(i:Document)
WHERE i.enrichment_status <> 'deleted'
OPTIONAL MATCH (i)-[l:IMPORTS]->(t:Document)
WHERE l.module = m.name
RETURN i.entity_id AS id, i.file_path AS path, i.language AS language, m.name AS module, r.names AS names,
       collect(t.entity_id) AS targets
