"""Film titles as MovieLens writes them: `Postman, The (Postino, Il) (1994)` is `The Postman (Il Postino)` of 1994."""

from __future__ import annotations

import re

_YEAR = re.compile(r"\s*\((?P<year>\d{4})(?:[-–]\d{0,4})?\)\s*(?:\((?:TV|V)\))?\s*$")
_ARTICLES = (
    "The|A|An|Le|La|Les|L'|Un|Une|Il|Lo|I|Gli|El|Los|Las|Una|Uno|Der|Die|Das|Ein|Eine|De|Het|Een|Den|Det|En|Et|O|Os|As|Um|Uma"
)  # fmt: skip
_TRAILING = re.compile(rf"(?P<rest>[^()]+), (?P<article>{_ARTICLES})(?=\s*(?:[():]|$))")


def clean_title(title: str) -> tuple[str, int | None]:
    """The title without its year and with its articles in front, and the year where one is given."""
    found = _YEAR.search(title)
    year = int(found["year"]) if found else None
    return _TRAILING.sub(_in_front, title[: found.start()] if found else title).strip(), year


def _in_front(found: re.Match[str]) -> str:
    article = found["article"]
    return f"{article}{'' if article.endswith(chr(39)) else ' '}{found['rest']}"
