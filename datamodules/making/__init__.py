"""Data that rules make and check: `generate -> check -> row`, chunk by chunk.

    recipe           what a recipe is, and one chunk of it
    draws            draws that are the same on every machine
    held_out         molecules that validation and test hold out, by connectivity and by parent
    swap             puts a bracketed substituent of one name into another
    exchange         exchanges simple substituents and the lengths of chains
    parents          chains and rings to enumerate: their places, symmetries and endings
    small_molecules  names of small molecules: a parent, an ending, up to three substituents
    groups           substituents by rules, also rows of heteroatoms
    hetero_rings     saturated rings with heteroatoms, by Hantzsch and Widman
    linked           chains and rings with any of these substituents
    hydrides         silanes, phosphanes, hydrazines, amines, esters of small acids
    names            the recipe `names`: the ways above, read by OPSIN
    reactions        the recipe `reactions`: named reactions applied to training molecules
    chunks           all chunks on all cores, each kept as a file, joined in order
    report           counts of a run, for people and for the file

A **candidate** is what a recipe proposes. A **chunk** is some thousand candidates, a pure function of (seed, number of the
chunk).
A **verdict** is why a candidate is dropped, or what its row needs.
"""
