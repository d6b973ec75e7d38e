// Documents that an import may mean, by the last part of their module's place.
UNWIND $keys AS key
MATCH (d:Document {import_key: key})
WHERE d.enrichment_status <> 'deleted'
RETURN d.entity_id AS id, d.file_path AS path, d.language AS language
