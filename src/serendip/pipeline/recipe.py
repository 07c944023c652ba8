"""Recipe: a whole recommender as TOML."""

from __future__ import annotations

import tomllib
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal

import tomli_w
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from serendip.data import InputError
from serendip.retrieval import Kind

SHELF = files("serendip") / "recipes"
RANKING = "ranking"


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class Source(_Part):
    """A model that proposes candidates and scores them all."""

    model: str
    """A file name in `models/`."""
    name: str = ""
    """How the source is called in answers; the model's name unless two sources share it."""
    weight: float = Field(1.0, gt=0)
    """Its share in the blended score, after each source is scaled to a largest score of 1."""
    candidates: int = Field(200, ge=1)
    """How many of its best items enter the pool."""
    chances: float | None = Field(None, gt=0)
    """Its scores are logarithms of chances up to a constant, as those of models taught by cross-entropy are: blended
    are the chances to this power, over the whole catalogue. None: the scores as they are."""
    config: dict[str, Any] = Field(default_factory=dict)
    """Hyper-parameters of the model."""

    @model_validator(mode="before")
    @classmethod
    def _named_after_model(cls, table: Any) -> Any:
        return {"name": table.get("model", ""), **table} if isinstance(table, dict) else table


class Filters(_Part):
    """What may not be listed."""

    seen: bool = True
    """Leave out what is in the history."""
    hidden: bool = True
    """Leave out items with `hidden` true, `available` false, `stock` 0, or, where there is a catalogue, not in it."""
    rules: dict[str, Any] | str = Field(default_factory=dict)
    """Attribute to wanted value, list of values, or `{min, max}`, as in a request's `filter`."""


class TextSearch(_Part):
    """How a request's words are matched."""

    weight: float = Field(4.0, gt=0)
    """Its share in the blended score, beside those of the sources: what is asked for comes before what is liked."""
    likeness: float = Field(1.0, ge=0)
    """The share of items that say what the latest of the history say: `something like this, but for rain`."""
    fields: tuple[str, ...] = (
        *("title", "title_zh", "category", "category_zh", "kind", "theme", "material", "colour"),
        *("brand", "maker", "year", "tags", "description", "description_zh"),
    )
    """The attributes that are searched; items that lack one are found by the others."""
    encoder: str | None = None
    """An encoder of texts, such as `minilm`, that finds what words mean beside the words; None: words alone."""


class PictureSearch(_Part):
    """How a request's picture is matched."""

    encoder: str | None = None
    """An encoder of pictures, such as `looks`, `cnn` or a folder; None: pictures are not read. One that was taught with
    words, such as CLIP, finds pictures by words too."""
    weight: float = Field(4.0, gt=0)
    """Its share in the blended score, beside those of the words and the sources."""


class Ranking(_Part):
    """A model that puts the best of the blend in order, taught by what the sources list."""

    model: str
    """A file name in `models/`."""
    depth: int = Field(100, ge=1)
    """How many of the best it looks at; all others stay behind them."""
    weight: float = Field(1.0, ge=0)
    """What its first adds to the blended score, beside the sources; 0: it teaches and is not asked."""
    chances: float = Field(1.0, gt=0)
    """Its scores are logarithms of chances: what is added are the chances to this power, of which the largest is 1."""
    teaches: tuple[str, ...] = ()
    """Names of sources that learn once more, then also from what it says of what the sources list."""
    config: dict[str, Any] = Field(default_factory=dict)
    """Hyper-parameters of the model."""

    @property
    def name(self) -> str:
        """How it is called in answers."""
        return RANKING


class Reranking(_Part):
    """Variety: maximal marginal relevance over shared attributes; and how much fame counts."""

    diversity: float = Field(0.0, ge=0, le=1)
    """0 is the plain order, 1 the most varied."""
    by: tuple[str, ...] = ("category",)
    """Items that share values of these attributes are alike."""
    popularity: float = Field(0.0, ge=-1, le=1)
    """0 is the plain order; towards 1 the well known of the pool come first, towards -1 the little known."""
    pool: int = Field(100, ge=1)
    """How many of the best are considered."""
    max_per: dict[str, Annotated[int, Field(ge=1)]] = Field(default_factory=dict)
    """How many items of one value of an attribute a list holds at most: `{maker = 2}`. A request may add to it."""


class Exploration(_Part):
    """Places of a list that are given by chance to items of which little is known yet; see `pipeline.exploring`."""

    places: tuple[Annotated[int, Field(ge=1, le=1_000)], ...] = Field((), max_length=10)
    """From 1; none: nothing is explored."""
    method: Literal["thompson", "epsilon"] = "thompson"
    """`thompson`: what may be best is tried more often. `epsilon`: all candidates equally often."""
    share: float = Field(0.1, gt=0, le=1)
    """The largest chance with which such a place is given to another item than the one that would stand there."""
    pool: int = Field(50, ge=1, le=500)
    """How many candidates a place has."""
    doubt: float = Field(10.0, gt=0)
    """For how many showings the share of all items counts, in what is believed of one."""
    most_loss: float = Field(0.05, gt=0, lt=1)
    """A service stops exploring once such places surely earn so much less, as a share of showings, than without."""


class Retrieval(_Part):
    """How large catalogues are searched."""

    index_from: int = Field(50_000, ge=1)
    """From so many items on, sources that have vectors are searched by an index."""
    index: Kind = "inverted"
    """`exact` looks at every vector, `inverted` into lists of them; `int8` and `pq` are such lists of codes, 4 and 16
    times shorter than the vectors. Whatever is found is scored by the vectors themselves."""
    slack: float = Field(0.5, ge=0, le=1)
    """Of lists. 1: wherever the best might be is looked at; less: fewer items are, and some may be missed."""


class Recipe(_Part):
    """Sources, filters, blending, ranking and re-ranking of one recommender."""

    name: str = Field(min_length=1, max_length=64)
    description: str = ""
    sources: tuple[Source, ...] = Field(min_length=1)
    filters: Filters = Filters()
    text: TextSearch = TextSearch()
    ranking: Ranking | None = None
    picture: PictureSearch = PictureSearch()
    reranking: Reranking = Reranking()
    exploration: Exploration = Exploration()
    retrieval: Retrieval = Retrieval()

    @model_validator(mode="after")
    def _distinct_names(self) -> Recipe:
        names = [source.name for source in self.sources]
        if len(set(names)) < len(names):
            raise ValueError("two sources share a name; give each its own `name`")
        if RANKING in names:
            raise ValueError(f"no source may be called {RANKING!r}")
        return self

    @model_validator(mode="after")
    def _known_pupils(self) -> Recipe:
        strange = [name for name in self.taught if name not in {source.name for source in self.sources}]
        if strange:
            raise ValueError(f"the ranking cannot teach {strange[0]!r}: there is no source of that name")
        if self.ranking and not self.ranking.weight and not self.taught:
            raise ValueError("a ranking of weight 0 that teaches nobody does nothing")
        return self

    @property
    def taught(self) -> tuple[str, ...]:
        """The names of the sources that what ranks teaches."""
        return self.ranking.teaches if self.ranking else ()

    @property
    def learners(self) -> tuple[Source | Ranking, ...]:
        """All that is fitted, in order."""
        return (*self.sources, *([self.ranking] if self.ranking else []))

    def labels(self) -> list[tuple[str, ...]]:
        """The attributes that re-ranking looks at, together as it does."""
        return [self.reranking.by, *((name,) for name in self.reranking.max_per)]

    @staticmethod
    def names() -> list[str]:
        """The recipes that come with the package."""
        return sorted(entry.name.removesuffix(".toml") for entry in SHELF.iterdir() if entry.name.endswith(".toml"))

    @classmethod
    def named(cls, name: str) -> Recipe:
        """A recipe that comes with the package.

        Raises:
            InputError: there is none of that name; the message lists those there are.
        """
        if name not in cls.names():
            raise InputError(f"there is no recipe {name!r}; there are {', '.join(cls.names())} (or give a .toml file)")
        return cls.parse((SHELF / f"{name}.toml").read_text(encoding="utf-8"), f"recipe {name}")

    @classmethod
    def read(cls, path: Path) -> Recipe:
        """A recipe from a file.

        Raises:
            InputError: the file is not there, is not TOML, or holds an unknown key or an impossible value.
        """
        try:
            return cls.parse(path.read_text(encoding="utf-8"), str(path))
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
            raise InputError(f"the recipe {path} cannot be read: {why}") from None

    @classmethod
    def find(cls, name_or_path: str) -> Recipe:
        """By name, or by path where it ends in `.toml`."""
        return cls.read(Path(name_or_path)) if name_or_path.endswith(".toml") else cls.named(name_or_path)

    @classmethod
    def parse(cls, text: str, origin: str) -> Recipe:
        try:
            return cls(**tomllib.loads(text))
        except tomllib.TOMLDecodeError as error:
            raise InputError(f"{origin} is not valid TOML: {error}") from None
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            raise InputError(f"{origin}: {where + ': ' if where else ''}{first['msg']}") from None

    def to_toml(self) -> str:
        return tomli_w.dumps(self.model_dump(mode="json", exclude_none=True))
