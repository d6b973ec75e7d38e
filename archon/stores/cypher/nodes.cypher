// Nodes with all properties, also those of other programs.
UNWIND $ids AS id
MATCH (d:Document {entity_id: id})
RETURN properties(d) AS document
