"""How `data/pubchem.parquet` is built; nothing here is needed to use it.

    packages ──► records ──► structures ──► case ──► opsin ──► primary ──► pubchem.parquet
    with names   as found    one form       capitals  verified  one name a molecule

- *verified*: OPSIN reads the name as the very molecule.
- *primary*: of a molecule's verified names, the one to learn.

`make data` runs it. It needs Java and the extra `build-data`.
"""
