// Whether Kafka has not acknowledged a document's enrichment request yet.
MATCH (d:Document {entity_id: $id})
RETURN coalesce(d.outbox, '') = 'pending' AS holds
