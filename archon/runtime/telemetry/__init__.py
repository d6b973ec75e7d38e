"""Metrics, and tracing spans of the work for each document."""
