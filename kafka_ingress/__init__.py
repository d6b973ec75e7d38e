"""Kafka in: validates requests, submits them to Temporal, and commits only offsets whose records are durable
there."""
