"""The load: documents, and how they are sent and watched."""
