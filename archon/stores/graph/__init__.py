"""Documents in the graph: indexed, claimed, enriched, deleted, counted; the version fences every write."""
