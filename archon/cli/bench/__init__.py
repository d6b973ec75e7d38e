"""The load test: documents in, a report of what they cost out."""
