"""The `enrich` command: one file per group of verbs."""
