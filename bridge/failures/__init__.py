"""Failures listed, retried, discarded."""
