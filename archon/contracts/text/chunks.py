"""In: an analysis from any service. Out: the chunks under which search finds the document."""

from archon.contracts.analysis import AnalysisResult, Chunk


def searchable(analysis: AnalysisResult, lines: int | None = None) -> list[Chunk]:
    """The chunks that have a vector, without duplicates. If the service returned no chunks, one chunk with
    the document's embedding covers the document; `lines` is the document's length, if known."""
    unique = {(chunk.kind, chunk.symbol, chunk.ordinal): chunk for chunk in analysis.chunks}
    found = [each for each in unique.values() if each.embedding is not None or each.terms is not None]
    if found or analysis.embedding is None:
        return found
    end = lines or max((entity.end_line for entity in analysis.entities), default=1)
    return [Chunk(start_line=1, end_line=max(end, 1), embedding=analysis.embedding)]
