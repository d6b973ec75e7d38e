"""Text as people write it: its lines, languages, cells, and what may be cut from it."""
