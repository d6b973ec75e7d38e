"""What bounds and orders work: the circuit breaker, rates, turns, shared calls."""
