"""Pictures from strangers: what is opened, what is refused, and that nothing else suffers."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest

from serendip.errors import InputError
from serendip.features import pictures
from serendip.features.pictures import found, opened, thumbnails

Image = pytest.importorskip("PIL.Image")


def saved(image: object, kind: str = "PNG", **options: object) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)  # type: ignore[attr-defined]
    return stream.getvalue()


def png(width: int, height: int, rows: int) -> bytes:
    """A PNG that claims a size and holds so many rows of black."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    body = zlib.compress(bytes((width + 1) * rows), 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF"])
def test_a_picture_of_each_format_is_opened(kind: str) -> None:
    red = saved(Image.new("RGB", (40, 20), (200, 30, 40)), kind)
    picture = opened(red, "x")
    assert (picture.mode, picture.size) == ("RGB", (40, 20))
    assert np.abs(np.asarray(picture)[10, 20].astype(int) - [200, 30, 40]).max() < 10


def test_what_is_transparent_is_white_and_what_lies_on_its_side_is_turned() -> None:
    clear = saved(Image.new("RGBA", (4, 4), (0, 0, 0, 0)))
    assert (np.asarray(opened(clear, "x")) == 255).all()
    lying = Image.new("RGB", (10, 4), (9, 9, 9))
    tags = Image.Exif()
    tags[0x0112] = 6
    assert opened(saved(lying, "JPEG", exif=tags), "x").size == (4, 10)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "x is no picture that can be opened"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>", "is no picture"),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 40, "is no picture"),
        (png(100, 100, 100)[:60], "is no picture"),
        (png(10_000, 6_000, 1), "x has 10,000 x 6,000 pixels; a picture has 40,000,000 at most"),
        (png(20_000, 20_000, 1), "is no picture that can be opened"),
        (png(70_000, 2, 1), "has 70,000 x 2 pixels"),
        (b"\0" * 20_000_001, "x has 20,000,001 bytes; a picture has 20,000,000 at most"),
    ],
)
def test_what_is_no_picture_or_too_large_is_said(data: bytes, words: str) -> None:
    with pytest.raises(InputError, match=words) as caught:
        opened(data, "x")
    assert "\n" not in str(caught.value)
    assert "BytesIO" not in str(caught.value)


def test_other_formats_are_not_even_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    """TIFF and others have had holes enough; with the guard off one is opened."""
    other = saved(Image.new("RGB", (4, 4)), "TIFF")
    with pytest.raises(InputError, match="is no picture"):
        opened(other, "x")
    monkeypatch.setattr(pictures, "FORMATS", None)
    assert opened(other, "x").size == (4, 4)


def test_a_small_file_that_unfolds_is_stopped_before_it_does(monkeypatch: pytest.MonkeyPatch) -> None:
    """100 million pixels in 100 kB; with the guard off Pillow unfolds them."""
    bomb = png(10_000, 6_000, 6_000)
    assert len(bomb) < 100_000
    with pytest.raises(InputError, match="10,000 x 6,000"):
        opened(bomb, "x")
    monkeypatch.setattr(pictures, "MOST_PIXELS", 10**9)
    assert opened(bomb, "x").size == (10_000, 6_000)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("../secret.png", "lies outside of the folder of pictures"),
        ("/etc/passwd", "lies outside of the folder of pictures"),
        ("link.png", "lies outside of the folder of pictures"),
        ("http://example.org/a.png", "is no local file; nothing is fetched"),
        ("file:///etc/passwd", "is no local file"),
        ("a\0b", "is no local file"),
        ("nothing.png", "there is no such file"),
        (".", "there is no such file"),
        ("x" * 5_000, "cannot be read|no such file"),
    ],
)
def test_files_elsewhere_are_not_read(tmp_path: Path, name: str, words: str) -> None:
    (tmp_path / "secret.png").write_bytes(saved(Image.new("RGB", (4, 4))))
    root = tmp_path / "pictures"
    root.mkdir()
    (root / "link.png").symlink_to(tmp_path / "secret.png")
    with pytest.raises(InputError, match=words):
        found(root, name, "x")


def test_a_bad_picture_takes_nothing_from_the_others(tmp_path: Path) -> None:
    (tmp_path / "good.png").write_bytes(saved(Image.new("RGB", (30, 10), (250, 0, 0))))
    (tmp_path / "bad.png").write_bytes(b"not at all")
    said: list[str] = []
    pixels, there = thumbnails(tmp_path, ["good.png", "bad.png", None, "", "gone.png"], 8, said.append)
    assert there.tolist() == [True, False, False, False, False]
    assert pixels.shape == (5, 8, 8, 3)
    assert (pixels[0, :, :, 0] == 250).all()
    assert not pixels[1:].any()
    assert len(said) == 2
    assert "the picture of item 2 is no picture that can be opened" in said[0]
    assert "the picture of item 5 is 'gone.png', and there is no such file" in said[1]
