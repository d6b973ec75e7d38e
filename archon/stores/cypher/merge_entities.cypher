// MERGE from the entity's side: from the document's it is quadratic in the document's degree on ArcadeDB.
MATCH (d:Document {entity_id: $id})
UNWIND $rows AS row
MERGE (e:Entity {entity_id: row.entity_id})
SET e += row
WITH d, e
MERGE (e)<-[:CONTAINS]-(d)
