"""Evaluated rows, and what notations, RDKit and OPSIN say of them."""
