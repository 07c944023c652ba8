"""MovieLens: small copies of the official layouts, made here, and the real sets where they are."""

from __future__ import annotations

import gzip
import zipfile
from pathlib import Path

import pytest

from serendip.data.readers import read
from serendip.data.readers.titles import clean_title
from serendip.errors import InputError

FLAGS = "|".join("0" * 19)
LAYOUTS: dict[str, dict[str, bytes]] = {
    "ml-100k": {
        "u.data": b"1\t10\t3\t881250949\n2\t20\t5\t891717742\n",
        "u.item": (
            f"10|Cit\xe9 des enfants perdus, La (1995)|01-Jan-1995||http://x|{FLAGS[:2]}1|1{FLAGS[5:]}\n"
            f"20|unknown||||1{FLAGS[1:]}\n"
        ).encode("latin-1"),
        "u.user": b"1|24|M|technician|85711\n2|53|F|other|05201\n",
    },
    "ml-1m": {
        "ratings.dat": b"1::10::3::978300760\n2::20::5::978302109\n",
        "movies.dat": b"10::Mis\xe9rables, Les (1995)::Drama|War\n20::Se7en: The \xdcbung (1996)::Thriller\n",
        "users.dat": b"1::F::1::10::48067\n2::M::56::16::02139\n",
    },
    "ml-latest-small": {
        "ratings.csv": b"userId,movieId,rating,timestamp\n1,10,4.0,964982703\n2,20,0.5,964981247\n",
        "movies.csv": b"movieId,title,genres\n"
        b'10,"Postman, The (Postino, Il) (1994)",Comedy|Drama\n20,Babylon 5,(no genres listed)\n',
        "tags.csv": b"userId,movieId,tag,timestamp\n1,10,sea,1\n1,10,Poets,2\n2,10,poets,3\n2,10, ,4\n",
        "links.csv": b"movieId,imdbId,tmdbId\n10,0110877,11010\n20,0112159,\n",
    },
}  # fmt: skip


def folder(path: Path, layout: str, packed: bool = False) -> Path:
    path = path / layout
    path.mkdir()
    for name, data in LAYOUTS[layout].items():
        (path / (f"{name}.gz" if packed else name)).write_bytes(gzip.compress(data) if packed else data)
    return path


def zipped(path: Path, layout: str, inner: str) -> Path:
    path = path / f"{layout}.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"{inner}README.txt", "read me")
        for name, data in LAYOUTS[layout].items():
            archive.writestr(f"{inner}{name}", data)
    return path


def test_100k(tmp_path: Path) -> None:
    tables = read("movielens", folder(tmp_path, "ml-100k")).tables
    assert tables.events.drop("text").rows() == [
        ("1", "10", "rating", 3.0, 881250949000, None),
        ("2", "20", "rating", 5.0, 891717742000, None),
    ]
    assert tables.items.rows() == [
        ("10", "La Cité des enfants perdus", 1995, ["Action", "Adventure"]),
        ("20", "unknown", None, []),
    ]
    assert tables.users.rows(named=True) == [
        {"user_id": "1", "age": 24, "gender": "M", "occupation": "technician", "zip": "85711"},
        {"user_id": "2", "age": 53, "gender": "F", "occupation": "other", "zip": "05201"},
    ]


def test_1m(tmp_path: Path) -> None:
    tables = read("movielens", folder(tmp_path, "ml-1m")).tables
    assert tables.events["time_ms"].to_list() == [978300760000, 978302109000]
    assert tables.items.rows() == [
        ("10", "Les Misérables", 1995, ["Drama", "War"]),
        ("20", "Se7en: The Übung", 1996, ["Thriller"]),
    ]
    assert tables.users.rows() == [
        ("1", "Under 18", "F", "K-12 student", "48067"),
        ("2", "56+", "M", "self-employed", "02139"),
    ]


def test_latest(tmp_path: Path) -> None:
    tables = read("movielens", folder(tmp_path, "ml-latest-small")).tables
    assert tables.events["value"].to_list() == [4.0, 0.5]
    assert tables.items.rows(named=True) == [
        {"item_id": "10", "title": "The Postman (Il Postino)", "year": 1994, "category": ["Comedy", "Drama"],
         "tags": ["Poets", "sea"], "imdb_id": "tt0110877", "tmdb_id": "11010"},
        {"item_id": "20", "title": "Babylon 5", "year": None, "category": [],
         "tags": None, "imdb_id": "tt0112159", "tmdb_id": None},
    ]  # fmt: skip


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("shape", ["gzipped members", "zip", "zip with an inner folder"])
def test_each_packing_holds_the_same(tmp_path: Path, layout: str, shape: str) -> None:
    plain = read("movielens", folder(tmp_path, layout)).tables
    (tmp_path / "other").mkdir()
    if shape == "gzipped members":
        other = folder(tmp_path / "other", layout, packed=True)
    else:
        other = zipped(tmp_path / "other", layout, "" if shape == "zip" else f"{layout}/")
    again = read("movielens", other).tables
    for name in ("events", "items", "users"):
        assert getattr(again, name).equals(getattr(plain, name))


def test_a_rebuilt_1m_counts_in_the_order_of_its_places(tmp_path: Path) -> None:
    path = folder(tmp_path, "ml-1m")
    (path / "ratings.dat").unlink()
    ratings = "user_id,movie_id,rating,seq_pos\n1,10,5,1\n1,20,3,0\n1,30,4,\n2,10,1,0\n"
    (path / "ratings.csv.gz").write_bytes(gzip.compress(ratings.encode()))
    result = read("movielens", path)
    rows = result.tables.events.select("user_id", "item_id", "value", "time_ms").rows()
    assert rows == [("1", "30", 4.0, None), ("1", "20", 3.0, None), ("1", "10", 5.0, None), ("2", "10", 1.0, None)]
    assert "the order of 'seq_pos' counts" in result.notes[-1]


@pytest.mark.parametrize(
    ("layout", "member", "data", "said"),
    [
        ("ml-100k", "u.data", b"1\t10\t3\t881250949\n1\t20\tx\t1\n", "u.data, row 2: the value 'x' is not a number"),
        ("ml-100k", "u.data", b"1\t10\t3\t881250949\n1\t20", "u.data, row 2: it has 2 fields, 4 fields are expected"),
        ("ml-1m", "ratings.dat", b"1::10::3::978300760\n::20::5::1\n", "ratings.dat, row 2: the user id is missing"),
        ("ml-latest-small", "ratings.csv", b"user,item\n1,2\n", "ratings.csv has no column 'userId'"),
        ("ml-latest-small", "movies.csv", b"", "movies.csv is empty"),
        ("ml-1m", "movies.dat", None, "has no movies.dat"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, layout: str, member: str, data: bytes | None, said: str) -> None:
    path = folder(tmp_path, layout)
    if data is None:
        (path / member).unlink()
    else:
        (path / member).write_bytes(data)
    with pytest.raises(InputError) as refused:
        read("movielens", path)
    assert said in str(refused.value)
    assert str(path) in str(refused.value)


def test_bad_rows_can_be_left_out(tmp_path: Path) -> None:
    path = folder(tmp_path, "ml-100k")
    (path / "u.data").write_bytes(b"1\t10\t3\t881250949\n1\t20\tx\t1\n2\t10\n")
    result = read("movielens", path, skip_bad_rows=True)
    assert result.tables.events.height == 1
    assert "bad rows left out: 2" in result.notes[-1]


def test_other_folders_and_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is not a MovieLens set"):
        read("movielens", tmp_path)
    (tmp_path / "notes.txt").write_text("nothing")
    with pytest.raises(InputError, match="neither a folder nor a zip file"):
        read("movielens", tmp_path / "notes.txt")


@pytest.mark.parametrize(
    ("written", "title", "year"),
    [
        ("Toy Story (1995)", "Toy Story", 1995),
        ("Matrix, The (1999)", "The Matrix", 1999),
        ("City of Lost Children, The (Cité des enfants perdus, La) (1995)",
         "The City of Lost Children (La Cité des enfants perdus)", 1995),
        ("Avventura, L' (Adventure, The) (1960)", "L'Avventura (The Adventure)", 1960),
        ("Crow, The: Wicked Prayer (2005)", "The Crow: Wicked Prayer", 2005),
        ("Death Note: Desu nôto (2006–2007)", "Death Note: Desu nôto", 2006),
        ("Land Before Time III (1995) (V)", "Land Before Time III", 1995),
        ("Two Friends (1986) ", "Two Friends", 1986),
        ("Good, The Bad and The Ugly, The (1966)", "The Good, The Bad and The Ugly", 1966),
        ("Paris, Texas (1984)", "Paris, Texas", 1984),
        ("2001: A Space Odyssey", "2001: A Space Odyssey", None),
        ("1984", "1984", None),
    ],
)  # fmt: skip
def test_titles(written: str, title: str, year: int | None) -> None:
    assert clean_title(written) == (title, year)


@pytest.mark.data
@pytest.mark.parametrize(
    ("name", "sizes", "first"),
    [
        ("ml-100k", (100_000, 1_682, 943), ("Toy Story", 1995)),
        ("ml-latest-small", (100_836, 9_742, 0), ("Toy Story", 1995)),
        ("ml-1m", (1_000_209, 3_883, 6_040), ("Toy Story", 1995)),
    ],
)
def test_the_real_sets(data_root: Path, name: str, sizes: tuple[int, ...], first: tuple[str, int]) -> None:
    tables = read("movielens", data_root / name).tables
    assert (tables.events.height, tables.items.height, tables.users.height) == sizes
    assert tables.items.select("title", "year").row(0) == first
    assert tables.events["value"].is_between(0.5, 5.0).all()
    assert not tables.items["title"].str.contains("\ufffd").any()
