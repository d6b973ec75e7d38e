// Where these imports lead now.
UNWIND $rows AS row
MATCH (s:Document {entity_id: row.source})-[r:IMPORTS]->(t:Document)
WHERE r.module = row.module
RETURN s.entity_id AS source, t.entity_id AS target, r.module AS module
