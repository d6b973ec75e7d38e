MATCH (d:Document {entity_id: $id})
RETURN [hash IN coalesce(d.past_hashes, []) WHERE hash <> d.content_hash] AS hashes
