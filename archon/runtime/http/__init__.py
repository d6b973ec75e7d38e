"""HTTP: serving, request limits, problems, health, API keys, and defaults of our clients."""
