"""Kafka: connection, topics, publishing, dead letters, statistics."""
