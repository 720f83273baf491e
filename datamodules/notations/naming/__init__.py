"""How a systematic name is put together: its prefixes, their order, its locants. Rules about text, no parser of names.

prefixes   `5-chloro-2-methylphenol` -> `5-chloro`, `2-methyl`, `phenol`; their alphabetical order
preferred  of several names of one molecule, the one in alphabetical order with the lowest locants
"""
