"""What a run has measured: its report, processes, histories, and two reports compared."""
