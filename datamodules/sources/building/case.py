"""Give lower-cased chemical names their capitals back.

Every name in `chemicals` and `qc-b3db` was lower-cased, and OPSIN reads `1h-indole`, `(2r)-` or `n-methyl`
wrongly or not at all. The rules below restore what is certain enough; where two readings exist (`n-butyl` or
`N-butyl`), each is offered and OPSIN with the molecule's InChIKey decides.
"""

from __future__ import annotations

import re

_START = r"(?<![A-Za-z0-9])"  # a locant starts a name or follows a bracket, comma, hyphen, space or prime
_PRIMES = r"(?:''+|'|\"|)"
_STEREO_ITEM = rf"(?:(?:\d+[a-h]?{_PRIMES}|[a-h](?=[rs])|)(?:rs|sr|r\*|s\*|r|s|e|z)|\d+(?:alpha|beta))"
# After a letter it is a fusion: `benzo(e)pyrene`.
_STEREO = re.compile(rf"(?<![a-z])\({_STEREO_ITEM}(?:,\s?{_STEREO_ITEM})*\)")
_STEREO_PART = re.compile(rf"(\d+[a-h]?{_PRIMES})?(rs|sr|r\*|s\*|r|s|e|z)(?=[,)])")
_HYDROGEN = re.compile(rf"{_START}(\d+[a-z]?{_PRIMES})h(?=[-,)\]\s]|$)")
_ISOTOPE = re.compile(r"\((\d*(?:,\d+)*-?)(2|3|11|13|14|15|18)(h|c|n|o)(\d*)\)")
_AFTER = rf"(?:\d+|\(\d+\)|-?(?:alpha|beta|gamma|delta|epsilon|omega)|){_PRIMES}(?:[,-]|\s?$)"
# Here `s` and `as` are for (un)symmetric, `o` and `p` for ortho and para; OPSIN does not mind, a reader does.
_NO_LOCANT = r"(?!a?s-(?:triaz|tetraz|indac|hydrind)|[op]-(?:menth|xyl|cym|tol|cres))"
_HETERO = re.compile(rf"{_START}{_NO_LOCANT}(n|o|s|p|c|se|te|as)(?={_AFTER})")
_SUGAR = re.compile(rf"{_START}(d|l|dl)(?=-)")
_ROMAN = re.compile(r"\((i|ii|iii|iv|v|vi|vii|viii|0)\)")
# ACD's `N~4~`, OpenEye's `~{N}` and `0^{2,7}`, Beilstein's `0<2,7>`: PubChem writes `N4`, `N` and `02,7`.
_MARKUP = re.compile(r"~\{([^}]*)\}|~([A-Za-z0-9,'()]+)~|\^\{([^}]*)\}|\^([\d,']+)\^?|<([\d,]+) ?>")
_LAMBDA = re.compile(r"\$l\s?\^?\{?(\d+)\}?")
_INDEX = re.compile(r"\s*\(\d(?:ci|th edition)(?:,\s?\d?ci)*\)|\s*\((?:acd/name|iupac|usan|inn)[^)]*\)")


def plain(name: str) -> str:
    """Return `name` without mark-up: `~{N}`, `N~4~`, `$l^{5}`, `(9ci)`, `;` between components, doubled spaces."""
    name = name.replace(";", " ").replace('"', "''")
    name = _LAMBDA.sub(r"lambda\1", name)
    name = _MARKUP.sub(lambda found: "".join(filter(None, found.groups())), name)
    name = _INDEX.sub("", name)
    return " ".join(name.split()).rstrip(" .,")


def _upper_stereo(found: re.Match[str]) -> str:
    return _STEREO_PART.sub(lambda part: (part.group(1) or "") + part.group(2).upper(), found.group(0))


def restore_case(name: str) -> str:
    """Return a lower-cased name with its capitals: `(2r)-n-methyl-1h-indole` -> `(2R)-N-methyl-1H-indole`.

    Examples:
        >>> restore_case("(2r)-n-methyl-1h-indole"), restore_case("d-glucose"), restore_case("iron(iii) oxide")
        ('(2R)-N-methyl-1H-indole', 'D-glucose', 'iron(III) oxide')
    """
    name = _STEREO.sub(_upper_stereo, name)
    name = _HYDROGEN.sub(r"\1H", name)
    name = _ISOTOPE.sub(lambda found: f"({found[1]}{found[2]}{found[3].upper()}{found[4]})", name)
    name = _HETERO.sub(lambda found: found.group(1).capitalize(), name)
    name = _SUGAR.sub(lambda found: found.group(1).upper(), name)
    return _ROMAN.sub(lambda found: found.group(0).upper(), name)


def readings(raw: str) -> list[str]:
    """Return the spellings of `raw` to try with OPSIN, the likeliest first, without duplicates.

    Args:
        raw: A name as a package has it: lower-cased, in capitals, or in its own case.
    """
    text = plain(raw)
    lower = text.lower()
    full = restore_case(lower)
    few = _SUGAR.sub(
        lambda found: found.group(1).upper(), _HYDROGEN.sub(r"\1H", _STEREO.sub(_upper_stereo, lower))
    )
    some = re.sub(rf"{_START}N-(?=(?:but|prop|pent|hex|hept|oct|non|dec|undec|dodec|alk|amyl))", "n-", full)
    tries = [full, some, few, text, lower]
    # `sulfate (1:?)` does not say what it is.
    return [
        name
        for name in dict.fromkeys(tries)
        if name and name.isascii() and name.isprintable() and "?" not in name
    ]
