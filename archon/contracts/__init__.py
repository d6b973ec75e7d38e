"""The models, names and errors that all parts share: events, documents, analysis results, workflow inputs.

Only pydantic and the standard library; no import of our other packages, no driver.
"""
