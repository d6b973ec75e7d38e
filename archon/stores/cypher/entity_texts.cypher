UNWIND $ids AS id
MATCH (e:Entity {entity_id: id})
RETURN e.entity_id AS id, e.signature AS signature, e.documentation AS documentation
