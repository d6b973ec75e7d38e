"""The part of Qdrant's REST API that this product uses, on Qdrant's own embedded engine."""
