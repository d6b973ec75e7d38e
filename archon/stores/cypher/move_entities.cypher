// What stands above them has grown or shrunk; they are as they were.
UNWIND $rows AS row
MATCH (e:Entity {entity_id: row.entity_id})
SET e.start_line = row.start_line, e.end_line = row.end_line
