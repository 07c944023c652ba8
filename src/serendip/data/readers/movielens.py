"""MovieLens: the official layouts of 100K, 1M (also 10M) and latest (also 20M, 25M, 32M), as a folder or a zip.

F. M. Harper, J. A. Konstan: The MovieLens Datasets: History and Context. ACM TiiS 5(4), 2015.
"""

from __future__ import annotations

from pathlib import Path

import polars as pl
from pydantic import BaseModel, ConfigDict

from serendip.data.readers.events import read_events
from serendip.data.readers.files import Members, members
from serendip.data.readers.raw import RawTable, parse_csv
from serendip.data.readers.result import ReadResult
from serendip.data.readers.titles import clean_title
from serendip.data.signals import RATING
from serendip.data.tables import Tables, empty_users
from serendip.errors import InputError

_NO_GENRES = ("(no genres listed)", "unknown", "")
_GENRES_100K = (
    "unknown", "Action", "Adventure", "Animation", "Children's", "Comedy", "Crime", "Documentary", "Drama", "Fantasy",
    "Film-Noir", "Horror", "Musical", "Mystery", "Romance", "Sci-Fi", "Thriller", "War", "Western",
)  # fmt: skip
_AGES_1M = {
    "1": "Under 18", "18": "18-24", "25": "25-34", "35": "35-44", "45": "45-49", "50": "50-55", "56": "56+",
}  # fmt: skip
_OCCUPATIONS_1M = (
    "other", "academic/educator", "artist", "clerical/admin", "college/grad student", "customer service",
    "doctor/health care", "executive/managerial", "farmer", "homemaker", "K-12 student", "lawyer", "programmer",
    "retired", "sales/marketing", "scientist", "self-employed", "technician/engineer", "tradesman/craftsman",
    "unemployed", "writer",
)  # fmt: skip
_RATING_COLUMNS = {"user": "user", "item": "item", "value": "rating", "time": "time"}


class MovielensOptions(BaseModel):
    """The layouts are known, so there is little to choose."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    skip_bad_rows: bool = False
    """Leave out rows that cannot be used, and say how many, instead of refusing the file."""


def read(path: Path, options: MovielensOptions) -> ReadResult:
    """Ratings, films (title, year, category, tags, links) and people, whichever the layout has."""
    files = members(path)
    if "u.data" in files:
        return _read_100k(files, options)
    if "ratings.dat" in files or ("movies.dat" in files and "ratings.csv" in files):
        return _read_1m(files, options)
    if "ratings.csv" in files and "movies.csv" in files:
        return _read_latest(files, options)
    raise InputError(f"{path} is not a MovieLens set: it has no u.data, ratings.dat or ratings.csv with movies.csv.")


def _read_100k(files: Members, options: MovielensOptions) -> ReadResult:
    ratings = _table(files, "u.data", "\t", list(_RATING_COLUMNS.values()), options)
    events, notes, _ = read_events(ratings, _RATING_COLUMNS, RATING, options.skip_bad_rows)
    columns = ["item_id", "title", "released", "video", "url", *_GENRES_100K]
    films = _table(files, "u.item", "|", columns, options).frame
    genres = [pl.when(pl.col(name) == "1").then(pl.lit(name)) for name in _GENRES_100K if name not in _NO_GENRES]
    items = films.select("item_id", "title", pl.concat_list(genres).list.drop_nulls().alias("category"))
    people = _table(files, "u.user", "|", ["user_id", "age", "gender", "occupation", "zip"], options).frame
    users = people.with_columns(pl.col("age").cast(pl.Int64, strict=False))
    return _result("100K", Tables(events, _titled(items), users), notes)


def _read_1m(files: Members, options: MovielensOptions) -> ReadResult:
    if "ratings.dat" in files:
        ratings = _table(files, "ratings.dat", "::", list(_RATING_COLUMNS.values()), options)
        events, notes, _ = read_events(ratings, _RATING_COLUMNS, RATING, options.skip_bad_rows)
    else:
        events, notes = _ratings_without_times(files, options)
    films = _table(files, "movies.dat", "::", ["item_id", "title", "genres"], options).frame
    users = _people_1m(files, options) if "users.dat" in files else empty_users()
    return _result("1M", Tables(events, _titled(_with_genres(films)), users), notes)


def _ratings_without_times(files: Members, options: MovielensOptions) -> tuple[pl.DataFrame, list[str]]:
    """A rebuilt 1M: `ratings.csv` with `user_id, movie_id, rating, seq_pos`, the last the place in time if known."""
    ratings = _table(files, "ratings.csv", ",", None, options)
    columns = {"user": "user_id", "item": "movie_id", "value": "rating"}
    _require(ratings, [*columns.values(), "seq_pos"])
    place = pl.col("seq_pos").cast(pl.Int64, strict=False)
    order = ratings.frame.select(pl.arg_sort_by("user_id", place, nulls_last=False, maintain_order=True)).to_series()
    ordered = RawTable(ratings.name, ratings.frame[order], ratings.records[order.to_numpy()], ratings.lines)
    events, notes, _ = read_events(ordered, columns, RATING, options.skip_bad_rows)
    return events, [*notes, f"{ratings.name}: there are no times, so the order of 'seq_pos' counts."]


def _people_1m(files: Members, options: MovielensOptions) -> pl.DataFrame:
    people = _table(files, "users.dat", "::", ["user_id", "gender", "age", "occupation", "zip"], options).frame
    occupations = {str(code): name for code, name in enumerate(_OCCUPATIONS_1M)}
    return people.select(
        "user_id",
        pl.col("age").replace(_AGES_1M),
        "gender",
        pl.col("occupation").replace(occupations),
        "zip",
    )


def _read_latest(files: Members, options: MovielensOptions) -> ReadResult:
    ratings = _table(files, "ratings.csv", ",", None, options)
    columns = {"user": "userId", "item": "movieId", "value": "rating", "time": "timestamp"}
    _require(ratings, list(columns.values()))
    events, notes, _ = read_events(ratings, columns, RATING, options.skip_bad_rows)
    films = _table(files, "movies.csv", ",", None, options)
    _require(films, ["movieId", "title", "genres"])
    items = _titled(_with_genres(films.frame.rename({"movieId": "item_id"})))
    for name, attributes in (("tags.csv", _tags), ("links.csv", _links)):
        if name in files:
            items = items.join(attributes(_table(files, name, ",", None, options)), "item_id", "left")
    return _result("latest", Tables(events, items), notes)


def _tags(table: RawTable) -> pl.DataFrame:
    """The tags of each film, those that most people gave first; spellings that differ in case only are one."""
    _require(table, ["userId", "movieId", "tag"])
    tag = pl.col("tag").str.strip_chars()
    rows = table.frame.select("userId", pl.col("movieId").alias("item_id"), tag, tag.str.to_lowercase().alias("key"))
    counted = (
        rows.filter(pl.col("key") != "")
        .group_by("item_id", "key", maintain_order=True)
        .agg(pl.col("tag").first(), pl.col("userId").n_unique().alias("people"))
    )
    ordered = counted.sort("people", descending=True, maintain_order=True)
    return ordered.group_by("item_id", maintain_order=True).agg(pl.col("tag").alias("tags"))


def _links(table: RawTable) -> pl.DataFrame:
    """`tt0114709` and `862`, as IMDb and TMDB write them."""
    _require(table, ["movieId", "imdbId", "tmdbId"])
    imdb = pl.concat_str(pl.lit("tt"), pl.col("imdbId"))
    return table.frame.select(
        pl.col("movieId").alias("item_id"), imdb.alias("imdb_id"), pl.col("tmdbId").alias("tmdb_id")
    )


def _with_genres(films: pl.DataFrame) -> pl.DataFrame:
    """`Action|Drama` as a list; none is an empty list."""
    names = pl.col("genres").fill_null("").str.split("|")
    return films.select("item_id", "title", names.list.filter(~pl.element().is_in(_NO_GENRES)).alias("category"))


def _titled(items: pl.DataFrame) -> pl.DataFrame:
    """Titles cleaned, and the year taken out of them."""
    cleaned = [clean_title(title or "") for title in items["title"]]
    titles = pl.Series("title", [title for title, _ in cleaned], dtype=pl.String)
    years = pl.Series("year", [year for _, year in cleaned], dtype=pl.Int64)
    return items.select("item_id", titles, years, "category")


def _table(files: Members, name: str, separator: str, columns: list[str] | None, options: MovielensOptions) -> RawTable:
    """One file as text, whatever of UTF-8 and Latin-1 it is written in."""
    if name not in files:
        raise InputError(f"{files.path} has no {name}, which its layout of MovieLens needs.")
    data = _utf8(files[name])
    if len(separator) > 1:
        data, separator = data.replace(separator.encode(), b"\x1f"), "\x1f"
    place = f"{files.path}, {name}"
    skip = options.skip_bad_rows
    return parse_csv(data, place, delimiter=separator, columns=columns, quoted=columns is None, skip_bad_rows=skip)


def _utf8(data: bytes) -> bytes:
    try:
        data.decode()
    except UnicodeDecodeError:
        return data.decode("latin-1").encode()
    return data


def _require(table: RawTable, columns: list[str]) -> None:
    missing = [column for column in columns if column not in table.frame.columns]
    if missing:
        raise InputError(f"{table.name} has no column {missing[0]!r}.")


def _result(layout: str, tables: Tables, notes: list[str]) -> ReadResult:
    return ReadResult(tables, [f"MovieLens in the layout of {layout}.", *notes])
