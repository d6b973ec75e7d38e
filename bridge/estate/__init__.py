"""How the bridge and all others are, and what documents wait for."""
