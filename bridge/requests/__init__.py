"""What every group of routes needs: who calls, the correlation id, the clients, the document of a path."""
