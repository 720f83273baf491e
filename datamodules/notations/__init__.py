"""What kind of string a column holds. One module a notation, found by its name; nothing here imports more than RDKit.

    text ──► invalid_reason ──► normalize ──► same(prediction, target)
             why not, or None   one spelling   by each notion of "same"

- *valid*: well-formed in its notation, whether or not it is right.
- *notion of same*: `string` (the same characters), `canonical`, `inchikey`, `connectivity`, `value`, ... Each is named,
  and each is a metric of its own.
- *identity*: what may not stand on two sides of a split, such as a molecule's connectivity.

Every module has `invalid_reason`, `is_valid`, `normalize` and `same`. Notations of molecules add `identity`, `scaffold`,
`parent`, `randomize` and `similarity`. A notation whose texts can have a gap has `pieces`, which say where they may be cut.
A new notation is a new file; docs/extending.md walks through one.

Examples:
    >>> from datamodules.notations.lookup import load_notation
    >>> smiles, number = load_notation("smiles"), load_notation("number")
    >>> smiles.normalize("OCC"), smiles.invalid_reason("C1CC"), number.normalize("+1.50")
    ('CCO', 'unclosed ring', '1.5')
    >>> smiles.same("OCC", "CCO")
    {'string': False, 'canonical': True, 'inchikey': True, 'connectivity': True}
"""
