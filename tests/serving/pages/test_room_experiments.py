"""An experiment is begun, read and ended on the page; what it says is what the people did."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import expect

from serendip.pipeline import Pipeline, Recipe
from serendip.store import Workspace
from serendip.training import FitOptions
from tests.serving.pages.play_service import OpenPage, Watch, make_workspace, serving, settled

CROWD = Recipe.parse('name = "crowd"\n[[sources]]\nmodel = "popular"\n', "the test")
PEOPLE = 240


@pytest.fixture(scope="module")
def two_models(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    workspace = make_workspace(tmp_path_factory.mktemp("two"), n_items=60, n_people=40, target_events=1_500)
    reading = workspace.read()
    workspace.adopt(Pipeline(CROWD).fit(reading.dataset, FitOptions(threads=1)), reading, aside=True)
    yield workspace
    workspace.close()


def live(url: str, current: str) -> dict[str, int]:
    """People come, and everybody who is shown the current model likes the first thing; how many saw which."""
    seen: dict[str, int] = {}
    with httpx.Client(base_url=url) as client:
        for number in range(PEOPLE):
            answer = client.post("/v1/recommendations", json={"user_id": f"v{number}", "limit": 5}).json()
            version = answer["model_version"]
            seen[version] = seen.get(version, 0) + 1
            if version == current or number % 10 == 0:
                like = {"user_id": f"v{number}", "item_id": answer["items"][0]["item_id"], "type": "like"}
                client.post("/v1/events", json={**like, "request_id": answer["request_id"]})
    return seen


def test_an_experiment_from_its_start_to_its_end(open_room: OpenPage, two_models: Workspace) -> None:
    current = two_models.current_model()
    assert current is not None
    with serving(two_models) as url:
        page = open_room("/room/experiments", url)
        expect(page.get_by_role("region", name="All experiments").first).to_contain_text("no experiment yet")
        page.get_by_label("Name").fill("<b>crowd</b> or taste")
        page.get_by_label("Smallest difference").fill("20")
        page.get_by_role("button", name="Start").click()
        page.wait_for_url("**id=*")
        settled(page)
        results = page.get_by_role("region", name="Results")
        expect(results).to_contain_text("<b>crowd</b> or taste")
        expect(results).to_contain_text("Too few people took part to tell")
        seen = live(url, current.name)
        page.reload()
        settled(page)
        for people in seen.values():
            expect(results).to_contain_text(f"{people} people, {people} lists")
        expect(results).to_contain_text("It is surely worse")
        expect(results.locator(".badge.bad")).to_have_text("stop")
        results.get_by_role("button", name="Stop").click()
        results.get_by_role("button", name="Stop").click()
        expect(results.locator(".badge").first).to_have_text("ended")
        page.close()
        (experiment,) = two_models.store.experiments()
        assert experiment.stopped_why == "stopped in the control room"


def test_two_recipes_are_compared_without_leaving_the_page(open_room: OpenPage, tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path, n_items=60, n_people=40, target_events=1_500)
    with serving(workspace) as url:
        page = open_room("/room/pipeline", url)
        page.get_by_role("button", name="TOML").click()
        toml = page.get_by_role("textbox", name="TOML")
        varied = toml.input_value().replace("diversity = 0.1", "diversity = 0.9")
        toml.fill(varied.replace('name = "default"', 'name = "varied"'))
        page.get_by_role("button", name="Put aside").click()
        page.get_by_role("link", name="begin an experiment with it").click()
        settled(page)
        page.get_by_label("Name").fill("variety")
        page.get_by_role("button", name="Start").click()
        page.wait_for_url("**id=*")
        settled(page)
        expect(page.get_by_role("region", name="Results")).to_contain_text("varied · 2026")
        (experiment,) = workspace.store.experiments(running=True)
        assert [arm.model_version for arm in experiment.arms] == [
            None,
            *set(workspace.versions()) - {workspace.current_model().name},
        ]
        page.close()
    workspace.close()


def test_what_the_service_refuses_is_said_beside_the_form(
    open_room: OpenPage, two_models: Workspace, watch: Watch
) -> None:
    with serving(two_models) as url:
        arms = [{"name": "a"}, {"name": "b"}]
        httpx.post(f"{url}/v1/experiments", json={"name": "half", "arms": arms, "traffic": 0.5}).raise_for_status()
        page = open_room("/room/experiments?lang=zh", url)
        page.get_by_label("名称").fill("all")
        page.get_by_role("button", name="开始").click()
        expect(page.locator(".form .refused")).to_contain_text("服务拒绝了请求：100% of the people are wanted")
        assert page.get_by_label("名称").input_value() == "all"  # nothing that was filled in is lost
        watch.errors.clear()  # a browser says 422 in its console
        page.close()


def test_with_one_model_there_is_nothing_to_compare(open_room: OpenPage, tmp_path: Path) -> None:
    workspace = Workspace.create(tmp_path / "empty")
    with serving(workspace) as url:
        page = open_room("/room/experiments", url)
        expect(page.locator("#screen .notice")).to_contain_text("nothing to compare yet")
        page.close()
    workspace.close()
