"""The load test of two commits: the same load, by the same code, on a stack of each."""
