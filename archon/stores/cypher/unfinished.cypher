// Documents that are not enriched yet, by status, and by whether Kafka has acknowledged their requests.
MATCH (d:Document)
WHERE d.enrichment_status IN ['pending', 'processing', 'failed']
  AND ($projects IS NULL OR d.project_name IN $projects)
RETURN d.enrichment_status AS status, coalesce(d.outbox, '') = 'pending' AS unpublished, count(*) AS documents
