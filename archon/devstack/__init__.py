"""The servers of a demo or a test, embedded: real ones from packages, each a child process on loopback."""
