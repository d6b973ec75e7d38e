MATCH (d:Document)
WHERE d.enrichment_status <> 'deleted' AND ($projects IS NULL OR d.project_name IN $projects)
RETURN d.enrichment_status AS status, coalesce(d.language, 'unknown') AS language, count(*) AS documents,
       sum(coalesce(d.entities_extracted, 0)) AS entities, sum(coalesce(d.quality_score, 0.0)) AS quality,
       count(d.quality_score) AS scored, sum(coalesce(d.not_understood, 0)) AS not_understood
