// One row where the document's links were made when it was what it is now.
MATCH (d:Document {entity_id: $id})
WHERE d.linked_as = $linked_as
RETURN d.linked_as AS linked_as
