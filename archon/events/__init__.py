"""The events of documents as streams show them: read at the topics' ends, and again from a position."""
