"""The events of documents for streams: read at the ends of the topics, or replayed from a position."""
