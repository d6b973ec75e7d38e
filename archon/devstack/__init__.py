"""Embedded servers for demos and tests: real servers from Python packages, as child processes on loopback."""
