// The subset of these contents that a live document has.
UNWIND $hashes AS hash
MATCH (d:Document {content_hash: hash})
WHERE coalesce(d.enrichment_status, '') <> 'deleted'
RETURN DISTINCT hash
