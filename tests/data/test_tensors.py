"""Arrays of a safetensors file come back as they were, and a file that is not whole is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from serendip.data.tensors import TYPES, read_tensors


@pytest.mark.parametrize("kind", TYPES.values())
def test_every_kind_of_number_comes_back(tmp_path: Path, kind: str) -> None:
    generator = np.random.default_rng(0)
    arrays = {
        "table": generator.integers(0, 100, (7, 3)).astype(kind),
        "row": generator.integers(0, 100, 5).astype(kind),
        "nothing": np.empty((0, 4), kind),
        "one": np.array(generator.integers(0, 100), kind),
    }
    save_file(arrays, tmp_path / "x.safetensors", metadata={"made": "here"})
    found = read_tensors(tmp_path / "x.safetensors")
    assert found.keys() == arrays.keys()
    for name, array in arrays.items():
        assert found[name].dtype == array.dtype
        np.testing.assert_array_equal(found[name], array)
        found[name][...] = 1  # its own: it can be written to


def test_a_file_that_is_not_whole_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "x.safetensors"
    save_file({"a": np.arange(1000.0)}, file)
    whole = file.read_bytes()
    file.write_bytes(whole[:-8])
    with pytest.raises(ValueError, match="truncated"):
        read_tensors(file)
    file.write_bytes(whole.replace(b"F64", b"F77"))
    with pytest.raises(ValueError, match="unknown kind"):
        read_tensors(file)
    file.write_bytes(b"\xff" * 100)
    with pytest.raises(ValueError, match="no safetensors file"):
        read_tensors(file)
