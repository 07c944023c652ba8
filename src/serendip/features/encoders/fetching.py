"""Fetching: an encoder from a model hub to this machine, when somebody asks for it, and no more of it than is read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

from serendip.errors import InputError

READ = (
    *("config.json", "*.safetensors", "*.safetensors.index.json", "preprocessor_config.json"),
    *("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json"),
    *("vocab.txt", "vocab.json", "merges.txt", "*.model"),
    *("modules.json", "sentence_bert_config.json", "config_sentence_transformers.json"),
)
"""Files at the top of a repository that encoders are read from."""
POOLING = "1_Pooling/config.json"


@dataclass(frozen=True)
class Offer:
    """What a hub has of an encoder."""

    name: str
    revision: str
    files: Mapping[str, int]
    """Bytes of each file that would be fetched."""

    @property
    def bytes(self) -> int:
        return sum(self.files.values())


def offer(name: str) -> Offer:
    """What would be fetched of `name` (`owner/name`); nothing is yet.

    Raises:
        InputError: the hub does not have it, holds no weights as safetensors, or cannot be reached.
    """
    from huggingface_hub import HfApi

    try:
        told = HfApi().model_info(name, files_metadata=True)
    except Exception as error:  # its library for HTTP has errors of its own
        raise _refusal(name, error) from None
    files = {one.rfilename: one.size or 0 for one in told.siblings or () if is_read(one.rfilename)}
    if not any(file.endswith(".safetensors") for file in files):
        raise InputError(f"{name} holds no weights as safetensors; pickled ones are not read")
    return Offer(name, told.sha or "main", files)


def is_read(file: str) -> bool:
    """Whether an encoder is read from that file of its repository."""
    return file == POOLING or ("/" not in file and any(fnmatch(file, pattern) for pattern in READ))


def fetch(wanted: Offer) -> Path:
    """Fetch it, as it is now, into the cache of Hugging Face, or go on where that was broken off; its folder.

    Raises:
        InputError: the hub cannot be reached.
    """
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(wanted.name, allow_patterns=list(wanted.files)))
    except Exception as error:
        raise _refusal(wanted.name, error) from None


def kept() -> dict[str, int]:
    """Encoders in the cache of Hugging Face on this machine, and their bytes."""
    from huggingface_hub import scan_cache_dir
    from huggingface_hub.errors import CacheNotFound

    try:
        found = scan_cache_dir()
    except CacheNotFound:
        return {}
    return {repo.repo_id: repo.size_on_disk for repo in found.repos if repo.repo_type == "model"}


def _refusal(name: str, error: Exception) -> InputError:
    """What a failure means to who asked."""
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, OfflineModeIsEnabled

    if isinstance(error, OfflineModeIsEnabled):
        return InputError("nothing is fetched while HF_HUB_OFFLINE is set")
    if isinstance(error, HFValidationError):
        return InputError(f"{name!r} is no name of an encoder: such a name reads owner/name")
    if isinstance(error, HfHubHTTPError):
        status = error.response.status_code
        why = "has none of that name, or only for those who may" if status in (401, 403, 404) else f"says {status}"
        return InputError(f"the encoder {name!r} cannot be fetched: the hub {why}")
    return InputError(f"the hub cannot be reached ({type(error).__name__}); HF_ENDPOINT names another")
