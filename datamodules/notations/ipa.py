"""Phonemes in the International Phonetic Alphabet: `h ə l oʊ` with spaces between phonemes, or words as `həˈloʊ`.

Reasons that `invalid_reason` gives: empty, whitespace, unknown sound.
"""

# ruff: noqa: RUF001, RUF002 - the alphabet has letters that look like others
from __future__ import annotations

import re
import unicodedata

_LETTERS = (
    "abcdefhijklmnopqrstuvwxyz"
    "æçðøħŋœβθχɐɑɒɓɔɕɖɗɘəɚɛɜɝɞɟɠɡɢɣɤɥɦɧɨɩɪɫɬɭɮɯɰɱɲɳɴɵɶɷɸɹɺɻɼɽɾɿʀʁʂʃʄʅʆʇʈʉʊʋʌʍʎʏʐʑʒʓʔʕʖʗʘʙʚʛʜʝʞʟʠʡʢʣʤʥʦʧʨʩʪʫǀǁǂǃⱱᵻᵿ"
)
_MARKS = "ʰʱʲʳʴʵʶʷʸˀˁˠˡˢˣˤⁿᵊᵝᶑᶣʼː ˑ˞˥˦˧˨˩˔˕˖˗˚꜈꜉꜊꜋꜌ꜛꜜ↑↓↗↘".replace(" ", "")
_STRESSES = "ˈˌ"
_BREAKS = ".‿|‖"
_TIES = "\u0361\u035c"
_SOUND = rf"[{_LETTERS}](?:[{_MARKS}]|[\u0300-\u036f]|(?<=[{_TIES}])[{_LETTERS}])*"
_WORD = rf"(?:[{_STRESSES}{re.escape(_BREAKS)}{_MARKS}]|{_SOUND})+"
_PHONEME = re.compile(_SOUND)
_WORDS = re.compile(f"{_WORD}(?: {_WORD})*")
_PHONETIC_ONLY = frozenset(
    "ɐɑɒɕɘɚɜɝɞɟɡɢɤɥɦɧɪɫɬɭɮɰɱɲɳɴɵɶɷɸɹɺɻɼɽɾɿʀʁʂʄʅʆʇʈʉʊʌʍʎʏʐʑʓʔʕʖʗʘʙʚʛʜʝʞʟʠʡʢʣʤʥʦʧʨʩʪʫːˑˈˌˠˤʰʲʷ\u0361\u035c"
)  # not ə, ɛ, ŋ, θ, ð or æ, which alphabets of languages have
_SPELLINGS = str.maketrans({"g": "ɡ", ":": "ː", "ʻ": "ʼ", "’": "ʼ"})
_LETTERS_A_PHONEME = 1.5
"""Phonemes with spaces between them have one letter, seldom two (oʊ, tʃ); words have more."""


LEAST_SHARE = 0.5
"""Share of cells that must look like IPA: words such as kæt are also spelled so in some language."""


def invalid_reason(text: str) -> str | None:
    """Say why `text` is not made of sounds with single spaces between phonemes or words, or return None."""
    if not text:
        return "empty"
    if text != text.strip() or "  " in text or any(one.isspace() and one != " " for one in text):
        return "whitespace"
    spelled = _spell(text)
    return None if _WORDS.fullmatch(spelled) and _PHONEME.search(spelled) else "unknown sound"


def is_valid(text: str) -> bool:
    """Say whether `text` is made of sounds with single spaces between phonemes or words."""
    return invalid_reason(text) is None


def looks_like(text: str) -> bool:
    """Say whether a cell is evidence for a column of IPA: it has a letter or mark that no language's alphabet has.

    Examples:
        >>> looks_like("həˈloʊ"), looks_like("hello"), looks_like("größe")
        (True, False, False)
    """
    return not _PHONETIC_ONLY.isdisjoint(text) and is_valid(text)


def normalize(text: str) -> str:
    """Return `text` with one spelling for each sound: `ɡ` for `g`, `ː` for a colon, without /slashes/ or [brackets] around it.

    >>> normalize("/ɡəʊ/"), normalize("[d a: g]")
    ('ɡəʊ', 'd aː ɡ')

    Raises:
        ValueError: If `text` is not valid; the message is the reason.
    """
    reason = invalid_reason(text)
    if reason:
        raise ValueError(reason)
    return unicodedata.normalize("NFC", _spell(text))


def _spell(text: str) -> str:
    """Return a text with each accent as a character of its own, and one spelling for each sound."""
    for before, after in (("/", "/"), ("[", "]")):
        if len(text) > 2 and text[0] == before and text[-1] == after:
            text = text[1:-1].strip()
    # A cedilla belongs to its letter: c with a cedilla is another sound than c.
    return unicodedata.normalize("NFD", text).replace("c\u0327", "ç").translate(_SPELLINGS)


def drop_stress(text: str) -> str:
    """Remove the marks of stress, with the space behind one that stands alone."""
    return re.sub(rf"(?:(?<=\s)|^)[{_STRESSES}]+ |[{_STRESSES}]", "", text)


def split_phonemes(text: str, like: str | None = None) -> list[str]:
    """Return the phonemes of a pronunciation.

    Spaces separate them where the text has phonemes; where it has words, each letter with its marks is one, and what a tie
    joins (t͡ʃ).

    >>> split_phonemes("h ə l oʊ"), split_phonemes("həˈloʊ wɜːld")
    (['h', 'ə', 'l', 'oʊ'], ['h', 'ə', 'ˈ', 'l', 'o', 'ʊ', 'w', 'ɜː', 'l', 'd'])

    Args:
        text: The pronunciation.
        like: The text that decides which of both it is; by default itself. A prediction is split as its target is.
    """
    text, like = _spell(text), _spell(text if like is None else like)
    letters = sum(letter in _LETTERS for letter in like.replace("ç", "c"))
    if letters <= _LETTERS_A_PHONEME * len(like.split()):
        return text.split()
    return [one for one in re.findall(rf"{_SOUND}|[^\s]", text) if one not in _BREAKS]


def same(prediction: str, target: str) -> dict[str, bool]:
    """Compare two pronunciations: `string`; `without_stress`, the same sounds whatever their stress.

    `without_stress` is False when either is invalid.
    """
    valid = is_valid(prediction) and is_valid(target)
    return {
        "string": prediction == target,
        "without_stress": valid and drop_stress(normalize(prediction)) == drop_stress(normalize(target)),
    }
