"""Take a name's substituent prefixes apart, say whether they are in alphabetical order, and bring them into it.

Nothing here knows what a name means. A name that is put together in a way which the rules below do not know is one parent
without prefixes: it counts as ordered and stays as it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

_LOCANT = r"(?:\d+[a-z]?|[NOSPC]\d*|alpha|beta|gamma|delta|omega)'*"
_LOCANTS = re.compile(rf"({_LOCANT}(?:,{_LOCANT})*)-(?=[a-z(\[{{])")
_HEAD = re.compile(r"(?:\((?:\d*[a-z]?'*(?:[RSEZrs]|alpha|beta)[,;]?)+\)-?|rac-|rel-|cis-|trans-|[DL]-)+")
_DESCRIPTOR = re.compile(
    r"[\d,'.:^{}]+(?:-[a-z]{1,3}(?:,[a-z]{1,2})*)?|[a-z]{1,2}|\d*[a-z]?'*[HRSEZ](?:,\d*[a-z]?'*[HRSEZ])*|[IV]+|\d?[+-]"
    r"|[\d,':;]+-(?:bi|ter|quater)[a-z].*"  # [1,1'-biphenyl] is a parent
)
_CLOSING = {"(": ")", "[": "]", "{": "}"}
_COMPLEX = r"bis|tris|(?:tetra|penta|hexa)kis"
_SIMPLE = r"di|tri|tetra|penta|hexa|hepta|octa"
_MULTIPLIED_BRACKET = re.compile(rf"({_COMPLEX}|{_SIMPLE})?(?=[(\[{{])")
# What cannot follow shows that the letters are of another word: `oxolane`, `hydroxylamine`, `carboxylic`, `propylene`.
_WORDS = (
    "acetamido", "acetyl", "amino", "azido", "benzoyl", "benzyl", "benzylidene", "bromo", "carbamoyl", "carbonyl",
    "carboxy(?!l)", "chloro", "cyano(?!gen)", "cyclobutyl", "cycloheptyl", "cyclohexyl", "cyclopentyl", "cyclopropyl",
    "diazenyl", "disulfanyl", "ethenyl", "ethynyl", "fluoro", "formyl", "furyl", "hydrazinyl", "hydroxy(?!l)", "imino",
    "iodo", "mercapto", "methylidene", "ethylidene", "nitro(?!us|so)", "nitroso", "oxido", "phenoxy", "phenyl(?!ene)",
    "phosphono", "prop-2-enyl", "prop-2-ynyl", "sec-butyl", "sulfamoyl", "sulfanyl(?!idene)", "sulfanylidene",
    "sulfinyl", "sulfo(?![nlx])", "sulfonyl", "tert-butyl", "tert-butoxy", "trimethylsilyl", "vinyl", "naphthyl", "tolyl",
    "oxo(?!l[aei]|l-|can|nan|cin|nin|niu)", "thio(?!phen|l|p|ure|x|cya)", "anilino", "methanesulfonyl",
    "(?:meth|eth|prop|but|pent|hex|hept|oct|non|dec)(?:yl(?!ene|id)|oxy)",
    "(?:prop|but|pent|hex|hept|oct)an(?:oyl|amido)",
    r"[a-z]+(?:-\d+[a-z]?'*(?:,\d+)*-[a-z]+)*?-\d+[a-z]?'*-(?:yl(?!id)|ylidene|enyl|ynyl|enoyl)",
)  # fmt: skip
_GLUE = ("oxy", "amino", "sulfonyl", "sulfanyl(?!id)", "sulfinyl", "carbonyl", "carbamoyl", "methyl(?!ene|id)", "methoxy",
         "ethyl(?!ene|id)", "ethoxy", "silyl", "phosphoryl")  # fmt: skip
_HYDRO = re.compile(rf"(?:{_SIMPLE}|deca|dodeca)?hydro(?!xy)")
# The longest first: methylidene is no methyl.
_WORD = re.compile("|".join(sorted((*_WORDS[:-1], *_GLUE), key=len, reverse=True)) + "|" + _WORDS[-1])
_LINK = re.compile("|".join(sorted((*_GLUE, *_WORDS[:-1]), key=len, reverse=True)))
# What a prefix without locants carries on to: `(4-chlorophenyl)sulfonylamino`, `phenylmethoxy`; never `(phenyl)methyl`.
_AFTER_WORD = re.compile("|".join((*_GLUE, "methylidene", "hydrazinylidene")))
_AFTER_BRACKET = re.compile(
    "|".join(
        (*_GLUE[:7], "methoxy", "ethoxy", "imino", "silyl", "phosphoryl", "methylidene", "hydrazinylidene")
    )
)
_MULTIPLIER = re.compile(rf"(?:{_SIMPLE})(?=[a-z])")
_COUNTED = re.compile(rf"\((?:{_SIMPLE})([a-z]+)\)")
_NOT_COUNTED = re.compile(
    r"\d+[a-z](?=[,'-])|(?:tert|sec|cis|trans|rac|rel)-|\((?:\d*[a-z]?'*[RSEZ],?)+\)|[^a-z]"
)


class Prefix(NamedTuple):
    """One substituent, as it is cited."""

    locants: str
    """`2,4`, or nothing."""
    multiplier: str
    """`di`, `bis`, or nothing."""
    body: str
    """`chloro`, `(4-chlorophenyl)`, `phenylmethoxy`."""

    def __str__(self) -> str:
        return f"{self.locants}{'-' if self.locants else ''}{self.multiplier}{self.body}"


class Parts(NamedTuple):
    """A name in parts: what stands before (stereo), the prefixes, and the parent with all its endings."""

    head: str
    prefixes: tuple[Prefix, ...]
    parent: str

    def __str__(self) -> str:
        text = ""
        for piece in [*map(str, self.prefixes), self.parent]:
            hyphen = text and re.match(r"[\dA-Z]|(?:alpha|beta|gamma|delta|omega)[,'-]", piece)
            text += f"-{piece}" if hyphen else piece
        return self.head + text


def close_bracket(text: str, start: int) -> int:
    """Return the place behind the bracket that closes the one at `start`, or -1.

    Examples:
        >>> close_bracket("2-(4-(methyl)phenyl)furan", 2)
        20
    """
    opened = []
    for place in range(start, len(text)):
        character = text[place]
        if character in _CLOSING:
            opened.append(_CLOSING[character])
        elif character in ")]}":
            if not opened or opened.pop() != character:
                return -1
            if not opened:
                return place + 1
    return -1


def take_apart(word: str) -> Parts:
    """Return the parts of a name of one word, or of what stands in brackets; a name's last word is its parent.

    Examples:
        >>> parts = take_apart("(2R)-4-amino-2-(4-chlorophenyl)-N,N-dimethylbutanamide")
        >>> parts.head, [str(prefix) for prefix in parts.prefixes], parts.parent
        ('(2R)-', ['4-amino', '2-(4-chlorophenyl)', 'N,N-dimethyl'], 'butanamide')
        >>> [str(prefix) for prefix in take_apart("4-phenylmethoxybenzoic acid").prefixes]
        ['4-phenylmethoxy']
    """
    found = _HEAD.match(word)
    head = found.group() if found else ""
    place, prefixes, ends = len(head), list[Prefix](), list[int]()
    while place < len(word):
        taken = _take_prefix(word, place)
        if taken is None:
            break
        prefix, place, last = taken
        prefixes.append(prefix)
        ends.append(last)
        if word[place : place + 1] == "-" and place + 1 < len(word):
            place += 1
    if place >= len(word) and prefixes:  # `4-chlorophenyl`: the last word carries the others
        last_prefix = prefixes.pop()
        start = ends.pop()
        if start and last_prefix.body[:start]:
            prefixes.append(last_prefix._replace(body=last_prefix.body[:start]))
            return Parts(head, tuple(prefixes), last_prefix.body[start:])
        return Parts(head, tuple(prefixes), str(last_prefix))
    return Parts(head, tuple(prefixes), word[place:])


def _take_prefix(word: str, place: int) -> tuple[Prefix, int, int] | None:
    """Return the prefix that begins at a place, where it ends, and where in its body its last word begins; or None."""
    found = _LOCANTS.match(word, place)
    locants, start = (found[1], found.end()) if found else ("", place)
    if _HYDRO.match(word, start):  # hydro belongs to the parent
        return None
    bracket = _MULTIPLIED_BRACKET.match(word, start)
    if bracket is not None:
        multiplier = bracket[1] or ""
        begin = bracket.end()
        end = close_bracket(word, begin)
        if end < 0 or _DESCRIPTOR.fullmatch(word[begin + 1 : end - 1]):
            return None
    else:
        simple = _MULTIPLIER.match(word, start)
        multiplier = simple.group() if simple and _WORD.match(word, simple.end()) else ""
        if "," not in locants and word.startswith("disulfanyl", start):  # one group of two sulfurs
            multiplier = ""
        begin = start + len(multiplier)
        body = _WORD.match(word, begin)
        if body is None:
            return None
        end = body.end()
    last = 0
    links = _LINK if locants else _AFTER_WORD if bracket is None else _AFTER_BRACKET
    while link := links.match(word, end):
        last, end = end - begin, link.end()
    return Prefix(locants, multiplier, word[begin:end]), end, last


def sort_key(prefix: Prefix) -> str:
    """Return the letters by which a prefix is ordered: without locants, stereo, and multipliers that only count it.

    Examples:
        >>> sort_key(Prefix("2,4", "di", "chloro")), sort_key(Prefix("2", "", "(dimethylamino)"))
        ('chloro', 'dimethylamino')
        >>> sort_key(Prefix("", "", "(dimethyl)"))  # of `ethyl(dimethyl)silane`: brackets that only keep two apart
        'methyl'
    """
    counted = _COUNTED.fullmatch(prefix.body)
    body = counted[1] if counted and _WORD.fullmatch(counted[1]) else prefix.body
    return _NOT_COUNTED.sub("", body)


def in_order(bodies: Iterable[str]) -> list[str]:
    """Return substituents in the order in which they are cited.

    Examples:
        >>> in_order(["methyl", "(dimethylamino)", "chloro"])
        ['chloro', '(dimethylamino)', 'methyl']
    """
    return sorted(bodies, key=lambda body: sort_key(Prefix("", "", body)))


def _levels(name: str) -> Iterator[Parts]:
    """Yield the parts of each word of a name and of what stands in brackets, at any depth."""
    for word in _split_words(name):
        parts = take_apart(word)
        yield parts
        for prefix in parts.prefixes:
            for inner in _inner(prefix.body):
                yield from _levels(inner)
        for inner in _inner(parts.parent):
            yield from _levels(inner)


def _inner(body: str) -> list[str]:
    """Return the contents of the outermost brackets of a text, but no descriptors such as `[1,2-a]`."""
    found, place = [], 0
    while place < len(body):
        if body[place] in _CLOSING and (end := close_bracket(body, place)) > 0:
            if not _DESCRIPTOR.fullmatch(body[place + 1 : end - 1]):
                found.append(body[place + 1 : end - 1])
            place = end
        else:
            place += 1
    return found


def _split_words(name: str) -> list[str]:
    """Return the words of a name; no space stands in brackets."""
    return name.replace(";", " ").split(" ")


def is_alphabetical(name: str) -> bool:
    """Say whether no substituent prefix of a name is out of alphabetical order, at any depth of brackets.

    Multipliers of simple prefixes (`di`) do not count, those within a complex one do: `(dimethylamino)` stands at d.

    Examples:
        >>> is_alphabetical("5-chloro-2-methylphenol"), is_alphabetical("2-methyl-5-chlorophenol")
        (True, False)
        >>> is_alphabetical("3,5-dichloro-4-(dimethylamino)aniline"), is_alphabetical("4-(dimethylamino)-3,5-dichloroaniline")
        (True, False)
    """
    for parts in _levels(name):
        keys = [sort_key(prefix) for prefix in parts.prefixes]
        if keys != sorted(keys):
            return False
    return True


def order_prefixes(name: str) -> str:
    """Return a name with the substituent prefixes in alphabetical order, at any depth of brackets.

    Examples:
        >>> order_prefixes("2-methyl-5-chlorophenol"), order_prefixes("1-(3-methyl-4-bromophenyl)ethanone")
        ('5-chloro-2-methylphenol', '1-(4-bromo-3-methylphenyl)ethanone')
    """
    return " ".join(_order_word(word) if word else word for word in name.split(" "))


def _order_word(word: str) -> str:
    parts = take_apart(word)
    prefixes = [prefix._replace(body=_order_inner(prefix.body)) for prefix in parts.prefixes]
    ordered = sorted(prefixes, key=sort_key)
    parent = _order_inner(parts.parent)
    if ordered == prefixes:
        # As it was written: hyphens that nothing needs stay.
        for old, new in zip(
            [*map(str, parts.prefixes), parts.parent], [*map(str, prefixes), parent], strict=True
        ):
            word = word.replace(old, new, 1) if old != new else word
        return word
    return str(Parts(parts.head, tuple(ordered), parent))


def _order_inner(body: str) -> str:
    """Return a text with the contents of its brackets ordered."""
    for content in _inner(body):
        body = body.replace(content, _order_word(content), 1)
    return body


def nest_brackets(name: str) -> str:
    """Return a name with round brackets innermost and square ones around them, as PubChem writes; descriptors stay.

    Examples:
        >>> nest_brackets("N-{4-[3-(1-methylethyl)phenyl]butyl}imidazo[1,2-a]pyridin-2(1H)-imine")
        'N-[4-[3-(1-methylethyl)phenyl]butyl]imidazo[1,2-a]pyridin-2(1H)-imine'
        >>> nest_brackets("3-[4-chlorophenyl]-1H-indole")
        '3-(4-chlorophenyl)-1H-indole'
    """
    text, place = "", 0
    while place < len(name):
        end = close_bracket(name, place) if name[place] in _CLOSING else -1
        if end < 0:
            text += name[place]
            place += 1
            continue
        content, closing = name[place + 1 : end - 1], name[end - 1]
        opening = name[place]
        if not _DESCRIPTOR.fullmatch(content):
            content = nest_brackets(content)
            opening, closing = "[]" if "(" in content else "()"
        text += f"{opening}{content}{closing}"
        place = end
    return text
