"""Events of a document or project, streamed."""
