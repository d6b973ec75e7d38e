"""In: the files of deploy/ and the specifications in docs/. Out: whether each is valid, without Docker.

A check is a function of the repository's root that returns a summary, or raises CheckError. Each has a
breakage in `proof` that it must detect.
"""
