"""Bytes from files, gzip and zip, never written anywhere and never more of them than the limits allow.

A few kilobytes of gzip or zip can unpack to more than the machine holds. Everything is therefore unpacked
in pieces that are counted, in memory; no path from inside an archive is ever used as a path.
"""

from __future__ import annotations

import codecs
import gzip
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO

from serendip.errors import InputError

_PIECE_BYTES = 1 << 20
_ENCRYPTED = 0x1


@dataclass(frozen=True)
class Limits:
    """How far packed data may grow."""

    total_bytes: int = 4 << 30
    """All that one file or archive unpacks to."""

    ratio: float = 200.0
    """Unpacked to packed bytes; text reaches 5 to 50, a bomb 1,000."""

    ratio_from_bytes: int = 16 << 20
    """Less than this may have any ratio."""

    def check(self, name: str, unpacked: int, packed: int) -> None:
        """Raise `InputError` where `unpacked` bytes out of `packed` are too many."""
        if unpacked > self.total_bytes:
            gib = self.total_bytes / (1 << 30)
            raise InputError(f"{name} unpacks to more than {gib:.3g} GiB; unpack it first if that is meant.")
        if unpacked > self.ratio_from_bytes and unpacked > self.ratio * packed:
            raise InputError(
                f"{name} unpacks to more than {self.ratio:g} times its size, as archives made to do harm do; "
                "unpack it first if that is meant."
            )


@dataclass(frozen=True)
class Members:
    """The files of a folder or of an archive, by their plain names."""

    path: Path
    openers: dict[str, Callable[[], bytes]]

    def __contains__(self, name: object) -> bool:
        return name in self.openers or f"{name}.gz" in self.openers

    def __getitem__(self, name: str) -> bytes:
        """The bytes of `name`, or of `name.gz` unpacked."""
        return self.openers[name if name in self.openers else f"{name}.gz"]()


def members(path: Path, limits: Limits | None = None) -> Members:
    """What lies directly in the folder `path`, or in the zip file `path` (at most one folder deep)."""
    limits = limits or Limits()
    if path.is_dir():
        files = sorted(file for file in path.iterdir() if file.is_file())
        return Members(path, {file.name: partial(read_bytes, file, limits) for file in files})
    if not zipfile.is_zipfile(path):
        raise InputError(f"{path} is neither a folder nor a zip file.")
    return Members(path, _zip_openers(path, limits))


def read_bytes(path: Path, limits: Limits | None = None) -> bytes:
    """The content of a file, unpacked where its name ends in `.gz`."""
    try:
        if path.suffix != ".gz":
            return path.read_bytes()
        with path.open("rb") as packed:
            return _gunzip(packed, path.stat().st_size, str(path), limits or Limits())
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}.") from None


def check_utf8(data: bytes, name: str) -> None:
    """Raise `InputError` naming the row of the first byte that is not UTF-8."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    view = memoryview(data)
    for start in range(0, len(data), _PIECE_BYTES):
        end = start + _PIECE_BYTES
        carried = len(decoder.getstate()[0])
        try:
            decoder.decode(view[start:end], final=end >= len(data))
        except UnicodeDecodeError as error:
            place = start - carried + error.start
            row = data.count(b"\n", 0, place) + 1
            raise InputError(f"{name}, row {row}: the byte 0x{data[place]:02x} is not UTF-8 text.") from None


def _zip_openers(path: Path, limits: Limits) -> dict[str, Callable[[], bytes]]:
    try:
        with zipfile.ZipFile(path) as archive:
            entries = [entry for entry in archive.infolist() if not entry.is_dir()]
    except zipfile.BadZipFile as error:
        raise InputError(f"{path} is a damaged zip file: {error}.") from None
    limits.check(str(path), sum(entry.file_size for entry in entries), path.stat().st_size)
    parts = {entry.filename: PurePosixPath(entry.filename).parts for entry in entries}
    shallow = [entry for entry in entries if len(parts[entry.filename]) <= 2]
    shallow.sort(key=lambda entry: -len(parts[entry.filename]))  # the outermost of a name is written last and stays
    return {parts[entry.filename][-1]: partial(_read_member, path, entry, limits) for entry in shallow}


def _read_member(path: Path, entry: zipfile.ZipInfo, limits: Limits) -> bytes:
    name = f"{path}, {entry.filename}"
    if entry.flag_bits & _ENCRYPTED:
        raise InputError(f"{name} is encrypted; unpack it first.")
    try:
        with zipfile.ZipFile(path) as archive, archive.open(entry) as packed:
            if entry.filename.endswith(".gz"):
                return _gunzip(packed, entry.compress_size, name, limits)
            return _drain(packed, entry.compress_size, name, limits)
    except (zipfile.BadZipFile, NotImplementedError, zlib.error, EOFError) as error:
        raise InputError(f"{name} is damaged: {error}.") from None


def _gunzip(packed: IO[bytes], packed_bytes: int, name: str, limits: Limits) -> bytes:
    try:
        with gzip.GzipFile(fileobj=packed) as unpacked:
            return _drain(unpacked, packed_bytes, name, limits)
    except (gzip.BadGzipFile, zlib.error, EOFError):
        raise InputError(f"{name} is a damaged or incomplete gzip file.") from None


def _drain(stream: IO[bytes] | gzip.GzipFile, packed_bytes: int, name: str, limits: Limits) -> bytes:
    pieces, unpacked = [], 0
    while piece := stream.read(_PIECE_BYTES):
        unpacked += len(piece)
        limits.check(name, unpacked, packed_bytes)
        pieces.append(piece)
    return b"".join(pieces)
