"""Vision: pictures to vectors by a Transformer that was taught elsewhere: ViT, DINOv2, CLIP, SigLIP and their like.

A folder holds config.json, preprocessor_config.json and weights as safetensors (never pickled ones). How a picture is
cut, sized and scaled is read from preprocessor_config.json and done here, with Pillow; torchvision is not needed. Of
CLIP and SigLIP the vector of the picture's tower is taken, of the others the first token where there is no better.
The tower of texts that these two bring finds pictures by words (`encoders.captions`), where the folder has a tokenizer.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from transformers import AutoConfig, AutoModel

from serendip.data.arrays import FloatArray
from serendip.errors import InputError
from serendip.features.directions import unit
from serendip.features.encoders.base import Precision
from serendip.features.encoders.captions import Captions
from serendip.features.encoders.folders import digest_of, first_line, said_in
from serendip.features.pictures import Pixels, square

if TYPE_CHECKING:
    from PIL.Image import Image

PIXELS = 32 * 224 * 224
"""Pixels that are looked at in one batch."""
FAMILIES = ("vit", "deit", "beit", "dinov2", "dinov2_with_registers", "clip", "siglip", "siglip2")
HALF = (0.5, 0.5, 0.5)


@dataclass(frozen=True)
class Looking:
    """How pictures are prepared."""

    side: int = 224
    whole: int = 224
    """The shorter side of a picture before its middle is cut out; 0: all of it is squeezed into the square."""
    mean: tuple[float, ...] = HALF
    deviation: tuple[float, ...] = HALF
    resample: int = 2

    @classmethod
    def of(cls, folder: Path) -> Looking:
        """As preprocessor_config.json says.

        Raises:
            InputError: there is none, or it cannot be read.
        """
        told = said_in(folder / "preprocessor_config.json")
        if not told:
            raise InputError(f"{folder} is no folder of an encoder of pictures: preprocessor_config.json is missing")
        try:
            size, cut = _pixels(told.get("size", 224)), _pixels(told.get("crop_size", 0))
            cut = cut if told.get("do_center_crop", bool(cut)) else 0
            mean, deviation = (tuple(map(float, told.get(key) or HALF)) for key in ("image_mean", "image_std"))
            side = cut or size
            if not (0 < side <= 2_048 and len(mean) == len(deviation) == 3 and min(deviation) > 0):
                raise ValueError("it makes no sense")
            return cls(side, max(size, side) if cut else 0, mean, deviation, int(told.get("resample", 2)))
        except (TypeError, ValueError, KeyError) as error:
            raise InputError(f"{folder / 'preprocessor_config.json'} cannot be read: {error}") from None

    def view(self, picture: Image) -> Pixels:
        """(S, S, 3)."""
        from PIL.Image import Resampling

        way = Resampling(self.resample)
        if not self.whole:
            return np.asarray(picture.resize((self.side, self.side), way))
        whole = square(picture, self.whole, way)
        margin = (self.whole - self.side) // 2
        return whole[margin : margin + self.side, margin : margin + self.side]


def _pixels(told: Any) -> int:
    """`224`, `{"shortest_edge": 224}` or `{"height": 224, "width": 224}`."""
    if not isinstance(told, dict):
        return int(told or 0)
    return int(told["shortest_edge"] if "shortest_edge" in told else told["height"])


class PretrainedPictures:
    """A Transformer, and how pictures are prepared for it."""

    def __init__(
        self,
        network: Callable[[Tensor], Tensor],
        looking: Looking,
        dtype: torch.dtype,
        identity: str,
        captions: Captions | None = None,
    ) -> None:
        self._network, self.looking, self._dtype, self._identity = network, looking, dtype, identity
        self._captions = captions

    @classmethod
    def load(cls, folder: Path, precision: Precision = "float32") -> Self:
        """From a folder.

        Raises:
            InputError: a file is missing or cannot be read, or the family is not known; the message names the folder.
        """
        if precision == "int8":
            raise InputError(f"the encoder of pictures in {folder} computes in float32 or bfloat16, not in int8")
        if not (folder / "config.json").is_file():
            raise InputError(f"{folder} is no folder of an encoder: config.json is missing")
        weights = sorted(folder.glob("*.safetensors"))
        if not weights:
            raise InputError(f"{folder} holds no weights as safetensors; pickled ones are not read")
        looking, dtype = Looking.of(folder), getattr(torch, precision)
        try:
            network, captions = _network(folder, dtype)
        except InputError:
            raise
        except Exception as error:  # whatever a damaged folder provokes inside the library
            raise InputError(f"the encoder in {folder} cannot be read: {first_line(error)}") from None
        identity = f"{folder.name} {digest_of([folder / 'config.json', *weights])} {precision} {looking}"
        return cls(network, looking, dtype, identity, captions)

    @property
    def identity(self) -> str:
        return self._identity

    def view(self, picture: Image) -> Pixels:
        return self.looking.view(picture)

    @torch.inference_mode()
    def encode(self, pixels: Pixels) -> FloatArray:
        at_once = max(1, PIXELS // self.looking.side**2)
        found = [self._vectors(pixels[start : start + at_once]) for start in range(0, max(1, len(pixels)), at_once)]
        return unit(torch.cat(found).numpy())

    def _vectors(self, pixels: Pixels) -> Tensor:
        mean, deviation = (np.asarray(one, np.float32) for one in (self.looking.mean, self.looking.deviation))
        scaled = (np.asarray(pixels, np.float32) / 255 - mean) / deviation
        if not len(scaled):
            blank = torch.zeros(1, 3, self.looking.side, self.looking.side, dtype=self._dtype)
            return self._network(blank)[:0].float()
        return self._network(torch.from_numpy(scaled).permute(0, 3, 1, 2).to(self._dtype)).float()

    def of_words(self, texts: Sequence[str]) -> FloatArray | None:
        """See `base.ReadsWords`."""
        return None if self._captions is None else self._captions.encode(texts)

    def arrays(self) -> dict[str, NDArray[Any]]:
        return {}

    def restore(self, arrays: dict[str, NDArray[Any]]) -> Self:
        return self


def _network(folder: Path, dtype: torch.dtype) -> tuple[Callable[[Tensor], Tensor], Captions | None]:
    """From pictures (n, 3, S, S) to vectors (n, D), and from words into the same space where there is a way."""
    kind = str(AutoConfig.from_pretrained(folder, local_files_only=True).model_type).removesuffix("_vision_model")
    if kind not in FAMILIES:
        raise InputError(f"the encoder in {folder} is of the family {kind}; pictures are read by {', '.join(FAMILIES)}")
    model: Any = AutoModel.from_pretrained(folder, local_files_only=True, use_safetensors=True).eval().to(dtype)
    both = hasattr(model, "text_model") or hasattr(model, "get_image_features")

    def network(pictures: Tensor) -> Tensor:
        seen: Any = model.vision_model(pixel_values=pictures) if both else model(pixel_values=pictures)
        pooled = seen.pooler_output if kind in ("clip", "siglip", "siglip2") else None
        vectors: Tensor = seen.last_hidden_state[:, 0] if pooled is None else pooled
        return model.visual_projection(vectors) if both and hasattr(model, "visual_projection") else vectors

    return network, Captions.of(model, folder)
