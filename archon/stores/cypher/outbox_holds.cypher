// Whether a document's enrichment request is not acknowledged by Kafka yet.
MATCH (d:Document {entity_id: $id})
RETURN coalesce(d.outbox, '') = 'pending' AS holds
