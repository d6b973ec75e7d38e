// MERGE starts from the entity: from the document it is quadratic in the document's degree on ArcadeDB.
UNWIND $documents AS each
MATCH (d:Document {entity_id: each.id})
UNWIND each.rows AS row
MERGE (e:Entity {entity_id: row.entity_id})
SET e += row
WITH d, e
MERGE (e)<-[:CONTAINS]-(d)
