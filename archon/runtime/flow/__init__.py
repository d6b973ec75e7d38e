"""Limits and order of work: circuit breaker, rates, turns, shared calls."""
