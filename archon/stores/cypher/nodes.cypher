// Nodes as they are, whoever wrote them.
UNWIND $ids AS id
MATCH (d:Document {entity_id: id})
RETURN properties(d) AS document
