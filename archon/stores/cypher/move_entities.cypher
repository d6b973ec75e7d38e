// Text above these entities has grown or shrunk; they are otherwise unchanged.
UNWIND $rows AS row
MATCH (e:Entity {entity_id: row.entity_id})
SET e.start_line = row.start_line, e.end_line = row.end_line
