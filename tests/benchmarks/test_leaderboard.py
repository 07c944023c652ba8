"""The leaderboard says what the results say, and nothing else."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest

from benchmarks import report, results
from benchmarks.board import boards
from benchmarks.cases import CASES
from benchmarks.results import Result
from serendip.data import InputError
from serendip.evaluation import Estimate, drawing
from serendip.evaluation.drawing import Box, Point, Scale

RECORDED = results.read_all()


def test_every_recorded_result_is_of_a_case() -> None:
    assert RECORDED
    for result in RECORDED:
        case = CASES[result.case]
        assert case.metrics[0] in result.metrics, f"{result.provider} {result.model} on {result.case}"
        assert all(result.metrics[name].low is not None for name in case.metrics if "coverage" not in name)


@pytest.mark.parametrize("name", [report.MARKDOWN, report.HTML, report.PICTURE])
def test_the_pages_are_those_of_the_results(name: str) -> None:
    written = (report.DOCS / name).read_text(encoding="utf-8")
    assert written == report.pages(RECORDED)[name], "run `python -m benchmarks report`"


def test_a_changed_result_changes_the_pages() -> None:
    changed = [raised(RECORDED[0]), *RECORDED[1:]]
    before, after = report.pages(RECORDED), report.pages(changed)
    assert before[report.MARKDOWN] != after[report.MARKDOWN]
    assert before[report.HTML] != after[report.HTML]


def raised(result: Result) -> Result:
    main = CASES[result.case].metrics[0]
    figure = result.metrics[main]
    return replace(result, metrics=result.metrics | {main: replace(figure, mean=figure.mean + 0.001)})


def test_no_figure_stands_in_the_page_without_a_result() -> None:
    empty = report.pages([])
    figures = re.compile(r"0\.\d{4}")
    for text in (empty[report.MARKDOWN], empty[report.HTML]):
        quoted = {f"{value:.4g}" for case in CASES.values() for it in case.published for value in it.metrics.values()}
        assert {figure for figure in figures.findall(text) if figure not in quoted} == set()
    assert "| `popular` | serendip | - | - |" in empty[report.MARKDOWN]  # a model without a result shows a dash


def test_quoted_figures_keep_to_their_column() -> None:
    board = next(board for board in boards([]) if board.case.name == "ml-1m/leave-one-out")
    table = [line.split(" | ") for line in report.markdown(board).splitlines() if line.startswith("| ")]
    assert table[0][-1] == "quoted |"
    sasrec = next(cells for cells in table if cells[0] == "| SASRec+")
    assert set(sasrec[1:-1]) == {"-"}
    assert sasrec[-1] == "hit_rate@10 0.3152, ndcg@10 0.1821 [1] |"


def test_results_of_other_data_do_not_share_a_table() -> None:
    first = RECORDED[0]
    other = replace(first, model="other", split_hash="0" * 32)
    with pytest.raises(InputError, match="differ in split_hash: they are not about the same data"):
        boards([first, other])
    boards([first, replace(other, split_hash=first.split_hash)])


def test_a_result_of_no_case_is_refused() -> None:
    with pytest.raises(InputError, match="on ml-9, which is no case"):
        boards([replace(RECORDED[0], case="ml-9")])


def test_smaller_errors_come_first() -> None:
    ours = [result for result in RECORDED if result.case == "ml-100k/ratings-5fold"]
    board = next(board for board in boards(ours) if board.case.name == "ml-100k/ratings-5fold")
    errors = [result.metrics["rmse"].mean for result in board.results]
    assert errors == sorted(errors)
    assert len(errors) > 1


class Page(HTMLParser):
    """What a page would load or run, and whether its tags match."""

    VOID = ("meta", "line", "circle", "rect", "path", "wbr")

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.loads: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.loads += [f"{tag} {name}" for name, _ in attrs if name in ("src", "srcset", "onclick", "onload")]
        self.loads += [tag] if tag in ("script", "link", "img", "iframe", "object") else []
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None: ...

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            assert self.open.pop() == tag


def test_the_page_needs_nothing_but_itself() -> None:
    text = report.pages(RECORDED)[report.HTML]
    page = Page()
    page.feed(text)
    assert page.loads == []
    assert page.open == []
    assert "url(" not in text
    assert "@import" not in text


def test_the_picture_is_well_formed() -> None:
    picture = ElementTree.fromstring(report.pages(RECORDED)[report.PICTURE])
    assert picture.tag.endswith("svg")
    assert any(child.tag.endswith("circle") for child in picture.iter())


def test_names_of_models_cannot_write_html() -> None:
    nasty = replace(RECORDED[0], model="<b>x</b>", machine="<i>")
    pages = report.pages([nasty])
    assert "<b>x" not in pages[report.HTML] + pages[report.PICTURE]
    assert "<i>" not in pages[report.HTML]


def test_labels_keep_apart() -> None:
    points = [Point(100 + n % 3, 100 + n % 2, f"model {n}") for n in range(8)]
    area = Box(0, 0, 400, 300)
    svg = "".join(drawing.labels(points, area, {point.name for point in points}))
    places = re.findall(r'class="label" x="([\d.]+)" y="([\d.]+)">([^<]+)<', svg)
    boxes = [Box(float(x), float(y), drawing.LETTER * len(name), drawing.LINE) for x, y, name in places]
    assert len(boxes) == 8
    assert not any(one.meets(other) for n, one in enumerate(boxes) for other in boxes[:n])


def test_scales_have_round_ticks() -> None:
    assert Scale(0, 0.19, 0, 100).ticks() == pytest.approx([0, 0.05, 0.1, 0.15])
    assert Scale(0.02, 30, 0, 100, logarithmic=True).ticks() == pytest.approx([0.1, 1, 10])
    assert Scale(0.01, 100, 0, 400, logarithmic=True)(1) == pytest.approx(200)
    assert drawing.spread([5, 6, 7], 0, 100) == pytest.approx([5, 5 + drawing.LINE, 5 + 2 * drawing.LINE])


def test_a_case_with_one_bare_result_is_drawn() -> None:
    bare = replace(RECORDED[0], metrics={CASES[RECORDED[0].case].metrics[0]: Estimate(0.1)})
    assert "0.1000" in report.pages([bare])[report.HTML]
