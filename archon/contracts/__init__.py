"""What the parts agree on: events, documents, analysis results, workflow inputs, names and errors.

Pure pydantic and the standard library; imports nothing of ours and no driver.
"""
