"""How the files of `data` are built; nothing here is needed to use them.

    packages ──► records ──► structures ──► case ──► opsin ──► primary ──► pubchem.parquet
    with names   as found    one form       capitals  verified  one name a molecule

- *verified*: OPSIN reads the name as the very molecule.
- *primary*: of a molecule's verified names, the one to learn.

    packages ──► measured: b3db, aqsoldb, melting_points ──► questions: compound_questions
             ├─► openings: openings
    pubchem.parquet and named_reactions ──► reactions: taken apart, made again, kept if nothing else is made

- *forward*, *backward*: a named reaction's rule from reactants to product, and from product to reactants.

`make data` runs both, `__main__` and `small`. The first needs Java; both need the extra `build-data`.
"""
