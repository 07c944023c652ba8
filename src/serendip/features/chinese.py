"""Chinese: words out of runs of characters, which have no spaces; by jieba where it is installed.

jieba reads its dictionary (half a million words, a second) when the first Chinese text is met, straight from its own
package: not from the file `jieba.cache` in the folder for temporary files, which everybody could have written there
and which two processes would write at once. Nothing is printed. The same run always gives the same words.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from functools import cache
from threading import Lock
from typing import Any

LONGEST = 1_000
"""Characters segmented at once; a longer run is cut there."""

_HAN = re.compile("[\u3400-\u4dbf\u4e00-\u9fff]+")
_loading = Lock()


def segmented(run: str) -> list[str]:
    """The words of a run of Chinese characters, long ones also in parts; none where it is not Chinese or no segmenter
    is installed.

    >>> segmented("上海人民出版社")
    ['上海', '人民', '出版', '出版社', '上海人民出版社']
    >>> segmented("かな")
    []
    """
    if not _HAN.fullmatch(run):
        return []
    with _loading:
        segmenter = _segmenter()
    return [] if segmenter is None else [word for part in _parts(run) for word in segmenter.cut_for_search(part)]


def _parts(run: str) -> Iterator[str]:
    return (run[start : start + LONGEST] for start in range(0, len(run), LONGEST))


@cache
def _segmenter() -> Any | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of its time: invalid escapes, and pkg_resources where that still exists
            import jieba
    except ImportError:
        return None
    segmenter = jieba.Tokenizer()
    segmenter.FREQ, segmenter.total = segmenter.gen_pfdict(segmenter.get_dict_file())
    segmenter.initialized = True  # or it would look for its cache file, and say so
    return segmenter
