UNWIND $rows AS row
MATCH (d:Document {entity_id: row.id})-[:CONTAINS]->(e:Entity)
RETURN e.entity_id AS id
LIMIT $limit
