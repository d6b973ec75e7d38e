"""The `enrich` command: a folder for each group of verbs, `verbs.py` lists them all."""
