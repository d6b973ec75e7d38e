"""Measurements of a run: its report, processes, histories, and the comparison of two reports."""
