"""Deletion of documents and projects."""
