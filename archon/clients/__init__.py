"""Clients of HTTP services: the bridge's, and the intelligence service's."""
