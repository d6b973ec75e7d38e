"""`enrich dlq`: dead letters listed, shown, retried, given up."""
