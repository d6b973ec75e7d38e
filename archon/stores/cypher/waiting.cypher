// Documents with one status, by the time since they were indexed.
MATCH (d:Document {enrichment_status: $status})
WITH CASE
       WHEN d.indexed_at > $five_minutes_ago THEN 'under_5m'
       WHEN d.indexed_at > $half_an_hour_ago THEN '5m_to_30m'
       WHEN d.indexed_at > $six_hours_ago THEN '30m_to_6h'
       ELSE 'over_6h'
     END AS age
RETURN age, count(*) AS documents
