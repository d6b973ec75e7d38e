MATCH (d:Document {entity_id: $id})-[:CONTAINS]->(e:Entity)
RETURN properties(e) AS entity
ORDER BY e.start_line, e.qualified_name, e.ordinal
