"""JavaScript and TypeScript: what a source declares, binds and refers to."""
