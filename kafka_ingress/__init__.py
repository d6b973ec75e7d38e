"""Kafka in: validates requests, submits them to Temporal, and commits only what is durable there."""
