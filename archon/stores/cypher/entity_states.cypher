// The entities of documents, each with its calls and bases within the document.
UNWIND $ids AS id
MATCH (d:Document {entity_id: id})-[:CONTAINS]->(e:Entity)
OPTIONAL MATCH (e)-[r:CALLS|INHERITS]->(t:Entity)
WITH d, e, collect([type(r), t.entity_id]) AS related
RETURN d.entity_id AS document_id, properties(e) AS entity, related
