"""Output of verbs: tables, JSON, exit codes."""
