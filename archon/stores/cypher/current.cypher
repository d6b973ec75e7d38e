MATCH (d:Document {entity_id: $id})
RETURN d.version AS version, d.content_hash AS content_hash, d.enrichment_status AS status
