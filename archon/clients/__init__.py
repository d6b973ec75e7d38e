"""Clients of our HTTP services: bridge and intelligence service."""
