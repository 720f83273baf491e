"""The page to ask a model."""
