"""How verbs print: tables, JSON, exit codes."""
