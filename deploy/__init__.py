"""In: nothing. Out: the namespace of `deploy.checks`; everything else here is no Python."""
