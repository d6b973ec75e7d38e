MATCH (d:Document)
WHERE d.enrichment_status <> 'deleted' AND d.anti_patterns_detected IS NOT NULL
  AND ($projects IS NULL OR d.project_name IN $projects)
UNWIND d.anti_patterns_detected AS rule
RETURN rule, count(*) AS documents
ORDER BY documents DESC, rule
LIMIT 20
