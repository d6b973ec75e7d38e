"""Plain text: its lines, language, notebook cells, and excerpts."""
