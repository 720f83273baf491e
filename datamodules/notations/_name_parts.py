"""Whether a text is made of the parts of systematic names: a cheap look at cells, no parser.

Right for most names and hardly ever for words of a language; OPSIN alone knows what a name means.
"""

from __future__ import annotations

import re
from functools import lru_cache

_TEXT = """
a ace acet acid acrid acridin adamant aden adip al alan alcohol aldehyde alpha aluminium aluminum amic amide amidine amido
amin amine amino ammonium an androst ane anhydride anil anilino anis anthrac arab arachid argin ars arsin asparag aspart ate
ato aza azan azanium azanyl azanylidene azel azepin azetidin azid azido aziridin azo azul azulen barium benz benzhydryl benzo
benzyl beta bi bicyclo biphenyl bis bor boran born bromanyl bromide bromo but butyr caffe calcium camph capr caprn carb carba
carbaldehyde carbam carbamate carbamo carbaz carbazol carbo carbon carbonate carbonitrile carbonyl carbox carboxy cephem
chloranyl chloride chloro chol chrom chromen cinnam cinnolin cis citr cobalt copper corrin cres cub cumen cyan cyano cyclo
cyste cystein cyt de dec deca dehydro delta deoxy deutero di dia diazepin diazin diazo diazol dichloride dihydrate dioxan
dioxide dioxol dithian dithiol diyl docos dodec dodeca e eicos eine en endo ene eno enyl epi epoxy epsilon ester estr eth
ether ethoxy ethynyl exo ferul fluor fluoranyl fluoride fluoro form formyl fruct fulven fumar fur furan furo galact gall
gamma german gluc glutam glutar glyc glycer gon guan guanid guanidino hept hepta heptadec hex hexa hexacyclo hexadec hexakis
histid hydrate hydraz hydrazide hydrazin hydrazine hydrazinyl hydrazono hydro hydrobromide hydrochloride hydrogen hydroxide
hydroxy i ia ic icos id ide idene idin idine idium idyl imid imidaz imidazo imidazol imide imido imin imine imino in inane
indaz indazol inden indeno indol ine inic ino inos inyl io iodanyl iodide iodo iron iso isocyanato isoindol isoleuc
isoquinolin isothiocyanato ium keto ketone lact lambda laur leuc linol linolen lithium lys magnesium mal male malon mann
menth mercapto mercury mesityl meta meth methane mono monohydrate morphol morpholin myrist naphth naphthal naphthyridin
nickel nicotin nitr nitrate nitrile nitro nitros nitroso non nona nonadec nor o oate ocin ocine oct octa octadec oic oin ol
olate ole olidin olium omega on one oni onia onic onium ono onyl ortho ose oside oso osyl osyloxy ox oxa oxadiazol oxal oxan
oxane oxaz oxazol oxetan oxid oxidanidyl oxidanyl oxidanylidene oxide oxido oxime oxiran oxo oxol oxolan oxy oyl oyloxy
palmit para penam pent penta pentacyclo pentadec pentakis per peroxo peroxy phen phenanthr phenaz phenothiaz phenyl phosph
phosphate phosphin phosphite phosphon phosphono phosphor phosphoryl phthal phthalazin pimel pin piper piperaz piperazin
piperid piperidin plumb poly porphyrin potassium pregn prol prop propion pteridin purin pyr pyrano pyraz pyrazol pyrazolo
pyrid pyridaz pyridin pyrido pyrimid pyrimidin pyrimido pyrrol pyrrolid pyrrolidin pyrrolo quinazolin quinol quinolin
quinoxalin rac rel rib salicyl salt sebac sec seco sel selenoph semicarbazone ser sil silan siloxy silver silyl sodium sorb
spiro stann stear steroid styr suber succin sulf sulfamo sulfamoyl sulfanyl sulfanylidene sulfate sulfin sulfinyl sulfite
sulfo sulfon sulfonyl sulfur tartar tell tert tetra tetracos tetracyclo tetradec tetrakis tetraz tetrazol thi thia thiadiazol
thian thiaz thiazol thiazolo thieno thiiran thio thiol thiolan thioph thiophen thioxo threon thymid thymin tolu trans tri
triaz triazol triazolo tricyclo tridec tris triyl tryptoph tyros un undec undeca ur uracil urid uron uronic valer valin
vanill water xanth xanthen xy xyl y yl ylidene ylidyne ylium yn yne ynyl zinc
"""
_PARTS = frozenset(_TEXT.split())
_LONGEST = max(map(len, _PARTS))
_LETTERS = re.compile(r"[^\W\d_]{3,}")
_LONG = 5  # shorter words are of any language: one, ate, but, pine
_SHARE = 0.7


def is_like_a_name(text: str) -> bool:
    """Say whether most letters of a text stand in words that are made of the parts of systematic names.

    >>> is_like_a_name("2-acetyloxybenzoic acid"), is_like_a_name("tablet of 3 mg"), is_like_a_name("John Smith")
    (True, False, False)
    """
    words = _LETTERS.findall(text.lower())
    known = [word for word in words if len(word) >= _LONG and _is_made_of_parts(word)]
    letters = sum(len(word) for word in words if len(word) >= _LONG or not _is_made_of_parts(word))
    return bool(known) and sum(map(len, known)) >= _SHARE * letters


def _is_made_of_parts(word: str) -> bool:
    return bool(find_parts(word))


@lru_cache(maxsize=65_536)
def find_parts(word: str) -> tuple[str, ...]:
    """Return the fewest parts that give a word laid end to end; none if no parts do.

    Not by a regular expression, which can take for ever.

    >>> find_parts("chlorophenyl"), find_parts("hydroxypropanoic"), find_parts("tablet")
    (('chloro', 'phenyl'), ('hydroxy', 'prop', 'an', 'oic'), ())
    """
    found: list[tuple[str, ...] | None] = [()]
    for end in range(1, len(word) + 1):
        ways = [
            (*before, word[start:end])
            for start in range(max(0, end - _LONGEST), end)
            if (before := found[start]) is not None and word[start:end] in _PARTS
        ]
        found.append(min(ways, key=len, default=None))
    return found[-1] or ()
