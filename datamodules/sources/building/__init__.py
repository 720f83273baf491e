"""How `data/pubchem.parquet` is built; nothing here is needed to use it."""
