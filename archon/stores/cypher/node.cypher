// A node as it is, whoever wrote it.
MATCH (d:Document {entity_id: $id})
RETURN properties(d) AS document
