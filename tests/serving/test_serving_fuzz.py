"""Whatever is sent, nothing answers with a fault of the service."""

from __future__ import annotations

import json
from urllib.parse import quote, urlencode

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

BODIES = {
    ("POST", "/v1/events"): ("type", "user_id", "anonymous_id", "item_id", "value", "timestamp", "context", "event_id"),
    ("POST", "/v1/recommendations"): ("user_id", "history", "text", "limit", "filter", "exclude_item_ids", "item_ids"),
    ("POST", "/v1/similar"): ("item_id", "filter", "limit", "context", "surface", "diversity"),
    ("POST", "/v1/rank"): ("item_ids", "user_id", "history", "personalization", "text", "limit"),
    ("PUT", "/v1/items/i1"): ("attributes",),
    ("PATCH", "/v1/items/i1"): ("attributes",),
    ("POST", "/v1/users:batch"): ("users",),
    ("POST", "/api/item"): ("ItemId", "IsHidden", "Categories", "Timestamp", "Labels", "Comment"),
    ("PATCH", "/api/item/i1"): ("IsHidden", "Categories", "Timestamp", "Labels", "Comment"),
    ("PATCH", "/api/user/u1"): ("Labels", "Comment"),
    ("PUT", "/api/feedback"): ("FeedbackType", "UserId", "ItemId", "Value", "Timestamp", "Comment", "Labels"),
    ("POST", "/api/session/recommend"): ("FeedbackType", "ItemId", "Value", "Timestamp"),
}
TEXTS = st.sampled_from(["i1", "u1", "like", "price", "min", "2024-01-01", "title", "category", "hidden"]) | st.text(
    max_size=8
)
QUERIES = ("limit", "n", "offset", "cursor", "category", "user-id", "q", "write-back-type", "write-back-delay")
PLAIN = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS
VALUES = st.recursive(
    PLAIN, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3), max_leaves=8
)


@st.composite
def requests(draw) -> tuple[str, str, str]:
    (method, path), names = draw(st.sampled_from(sorted(BODIES.items())))
    content = draw(st.dictionaries(st.sampled_from(names), VALUES, max_size=4) | VALUES)
    many = path in ("/api/feedback", "/api/session/recommend") and draw(st.booleans())
    return method, path, json.dumps([content] if many else content)


MODEST = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck), database=None)


@MODEST
@given(request_=requests())
def test_no_body_is_a_fault_of_the_service(client, request_) -> None:
    method, path, body = request_
    answer = client(method, path, content=body, headers={"content-type": "application/json"})
    assert answer.status_code in (200, 400, 404, 422), (request_, answer.text)
    if answer.status_code != 200:
        assert answer.headers["content-type"] == "application/problem+json"
    elif path in ("/v1/recommendations", "/v1/similar", "/v1/rank"):
        assert answer.json()["degraded"] == [], (request_, answer.text)


@MODEST
@given(
    st.sampled_from(["GET", "PUT", "PATCH", "DELETE", "POST"]),
    st.sampled_from(
        [
            "/v1/items/{}",
            "/v1/users/{}",
            "/v1/users/{}/export",
            "/v1/items/{}/image",
            "/v1/{}",
            "/{}",
            "/api/item/{}/neighbors",
            "/api/recommend/{}",
            "/api/recommend/u1/{}",
            "/api/feedback/{}",
            "/api/{}",
        ]
    ),
    st.text(max_size=12).filter(lambda text: text.isprintable()),
    st.dictionaries(st.sampled_from(QUERIES), st.text(max_size=12) | st.sampled_from(["1", "1000", "tea"]), max_size=2),
)
def test_no_address_is_a_fault_of_the_service(client, method, address, id_, query) -> None:
    path = f"{address.format(quote(id_, safe=''))}?{urlencode(query)}"
    answer = client(method, path, json={"attributes": {}})
    assert answer.status_code < 500, (method, path, answer.text)
