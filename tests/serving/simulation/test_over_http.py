"""Life with a service over HTTP is the life with it in process."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from serendip.data import InputError
from serendip.serving.simulation.loop import live_apart
from serendip.serving.simulation.over_http import OverHttp
from serendip.serving.simulation.plan import Plan, Way
from serendip.serving.simulation.service import Service
from serendip.serving.simulation.together import live_together

PLAN = Plan(people=30, items=50, days=3, refit_every=2)


@pytest.mark.parametrize("way", ["default", "popular=seen"])
def test_the_same_people_see_the_same_lists(tmp_path: Path, way: str) -> None:
    world, told = PLAN.world(), Way.parse(way)
    here, there = (live_apart(PLAN, world, told, tmp_path / kind.__name__, kind=kind) for kind in (Service, OverHttp))
    np.testing.assert_array_equal(here.user_rows, there.user_rows)
    np.testing.assert_array_equal(here.slates, there.slates)
    assert there.gains.sum() > 0


def test_an_experiment_over_http_says_what_it_says_in_process(tmp_path: Path) -> None:
    world, ways = PLAN.world(), [Way.parse("default"), Way.parse("popular")]
    here, there = (
        live_together(PLAN, world, ways, tmp_path / kind.__name__, kind=kind) for kind in (Service, OverHttp)
    )
    assert [look.to_json() for look in here] == [look.to_json() for look in there]


def test_a_stale_way_cannot_live_over_http(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be broken from outside"):
        live_apart(PLAN, PLAN.world(), Way.parse("popular=stale"), tmp_path / "shop", kind=OverHttp)
