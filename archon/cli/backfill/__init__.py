"""`enrich backfill`: documents enriched after the fact."""
