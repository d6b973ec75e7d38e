"""How well references are resolved, compared with precise indexers: `make references`."""
