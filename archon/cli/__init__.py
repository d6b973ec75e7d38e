"""The `enrich` command: a package for each group of verbs; `verbs.py` lists all verbs."""
