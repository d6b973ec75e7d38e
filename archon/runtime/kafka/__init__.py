"""Kafka: how it is reached, topics, what is published, dead letters, figures."""
