"""HTTP: serving, what requests may be, problems, health, API keys, and our clients' habits."""
