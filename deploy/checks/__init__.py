"""In: the artefacts of deploy/ and the specifications in docs/. Out: whether each is sound, without Docker.

A check is a function of the repository's root that says what it has looked at, or raises CheckError. Each has
a breakage in `proof`, on which it must fail.
"""
