// Documents whose enrichment request Kafka has not acknowledged, the oldest first. Sorted and limited
// before the properties are read: after an outage there are many.
MATCH (d:Document)
WHERE d.outbox = 'pending' AND d.enrichment_status <> 'deleted' AND d.indexed_at <= $older_than
WITH d
ORDER BY d.indexed_at
LIMIT $limit
RETURN properties(d) AS document
