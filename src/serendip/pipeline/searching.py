"""Searching: what a request looks for, in words or by a picture, as parts of the blend, and what may be listed."""

from __future__ import annotations

import numpy as np

from serendip.data.arrays import FloatArray
from serendip.pipeline.blending import Part
from serendip.pipeline.course import Course
from serendip.pipeline.meaning import Meaning
from serendip.pipeline.opinions import Dense
from serendip.pipeline.recipe import PictureSearch, TextSearch
from serendip.pipeline.sight import Sight

LATEST = 5
"""Events of a history that say what `this` is in `something like this, but for rain`."""


def by_words(course: Course, search: TextSearch, meaning: Meaning | None, sight: Sight | None) -> list[Part]:
    """How well items, or their pictures, match the words, and how much they say what the latest of the history say.

    From here on only items that match are allowed.
    """
    if not course.query.text:
        return []
    match = course.catalogue.text_match(course.query.text, search.fields, meaning, sight, course.allowed)
    course.allowed = course.allowed & (match > 0)
    parts = [Part("text", Dense(match), search.weight, len(match))]
    if search.likeness and len(course.asked.item_rows) and course.query.alike == "behaviour":
        parts.append(Part("alike", Dense(_like_latest(course, search)), search.likeness, len(match)))
    return parts


def by_content(course: Course, search: TextSearch, weight: float) -> list[Part]:
    """How much items say what the latest of the history say, where a request asks for what is like it by content."""
    if course.query.alike == "behaviour" or not len(course.asked.item_rows):
        return []
    return [Part("alike", Dense(_like_latest(course, search)), weight, len(course.catalogue))]


def by_picture(course: Course, search: PictureSearch, sight: Sight | None) -> list[Part]:
    """How near the pictures of items are to that of the request; without words, only those that are near are allowed.

    Raises:
        InputError: it is no picture that can be opened.
    """
    if course.query.image is None:
        return []
    if sight is None:
        course.warnings.append("the picture was not looked at: this recommender knows items by no pictures")
        return []
    match = course.catalogue.picture_match(course.query.image, sight, course.allowed)
    if not course.query.text:
        course.allowed = course.allowed & (match > 0)
    return [Part("image", Dense(match), search.weight, len(match))]


def _like_latest(course: Course, search: TextSearch) -> FloatArray:
    """(N,), 0 where an item says nothing of it."""
    rows, wanted = course.asked.item_rows[-LATEST:], np.maximum(course.asked.signals[-LATEST:], 0)
    return course.catalogue.wording(search.fields).like(rows, wanted)
