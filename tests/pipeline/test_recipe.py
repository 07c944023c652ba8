"""Recipes as TOML."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import pytest

from serendip import models
from serendip.data import InputError
from serendip.pipeline import Recipe


def test_the_recipes_of_the_package_are_valid() -> None:
    names = [entry.name.removesuffix(".toml") for entry in (files("serendip") / "recipes").iterdir()]
    assert "default" in names
    for name in names:
        recipe = Recipe.named(name)
        for source in recipe.sources:
            models.make(source.model, source.config)


def test_a_recipe_survives_its_own_toml() -> None:
    recipe = Recipe.named("default")
    assert Recipe.parse(recipe.to_toml(), "here") == recipe


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("name = ", "not valid TOML"),
        ('name = "x"\nsources = []', "sources"),
        ('name = "x"\n[[sources]]\nmodel = "ease"\nwait = 1', r"sources\.0\.wait"),
        ('name = "x"\n[[sources]]\nmodel = "ease"\nweight = -1', r"sources\.0\.weight"),
        ('name = "x"\n[[sources]]\nmodel = "ease"\n[[sources]]\nmodel = "ease"', "share a name"),
        ('name = "x"\n[[sources]]\nmodel = "ease"\n[reranking]\ndiversity = 2', r"reranking\.diversity"),
    ],
)
def test_a_bad_recipe_is_refused_and_the_key_named(tmp_path: Path, text: str, complaint: str) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises(InputError, match=complaint) as caught:
        Recipe.find(str(path))
    assert "mine.toml" in str(caught.value)


def test_an_unknown_recipe_lists_the_known() -> None:
    with pytest.raises(InputError, match="no recipe 'grandmas'; there are default"):
        Recipe.find("grandmas")
    with pytest.raises(InputError, match=r"nowhere\.toml cannot be read"):
        Recipe.find("nowhere.toml")
