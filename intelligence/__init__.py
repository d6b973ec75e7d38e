"""The reference intelligence service: entities, scores, patterns and an embedding from a document's text."""
