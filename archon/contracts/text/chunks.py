"""In: an analysis, of our service or another. Out: the chunks by which its document is found."""

from archon.contracts.analysis import AnalysisResult, Chunk


def searchable(analysis: AnalysisResult, lines: int | None = None) -> list[Chunk]:
    """Those with a signal, each once. A service without chunks has one, the whole document, by its
    embedding; `lines` is then the document's length, if known."""
    told = {(chunk.kind, chunk.symbol, chunk.ordinal): chunk for chunk in analysis.chunks}
    found = [each for each in told.values() if each.embedding is not None or each.terms is not None]
    if found or analysis.embedding is None:
        return found
    end = lines or max((entity.end_line for entity in analysis.entities), default=1)
    return [Chunk(start_line=1, end_line=max(end, 1), embedding=analysis.embedding)]
