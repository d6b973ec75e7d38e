MATCH (d:Document {entity_id: $id})-[:CONTAINS]->(e:Entity)-[r:CALLS]->(:Entity)
DELETE r
