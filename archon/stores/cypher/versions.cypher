UNWIND $ids AS id
MATCH (d:Document {entity_id: id})
RETURN id, d.version AS version, coalesce(d.enrichment_status, '') = 'deleted' AS deleted
