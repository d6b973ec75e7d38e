MATCH (d:Document {entity_id: $id})-[r:IMPORTS]->(:Module)
DELETE r
