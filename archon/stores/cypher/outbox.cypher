// Documents whose enrichment request Kafka has not acknowledged, oldest first.
MATCH (d:Document)
WHERE d.outbox = 'pending' AND d.enrichment_status <> 'deleted' AND d.indexed_at <= $older_than
RETURN properties(d) AS document
ORDER BY d.indexed_at
LIMIT $limit
