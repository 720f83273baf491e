"""Molecules, as RDKit reads them: what the notations that hold molecules share.

SMILES ──► structure.read ──► facts (canonical, formula, fingerprints) ──► relations to another molecule
or smiles_syntax: why not     after edits, each read again
"""
