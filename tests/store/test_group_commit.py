"""Group commit: who waits shares a transaction, and nobody pays for another's failure."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, cast

import pytest
from sqlalchemy import Connection

from serendip.store.writing import GroupCommit


class Transactions:
    """Counts transactions; fails at commit on demand."""

    def __init__(self, commit: Callable[[], None] = lambda: None) -> None:
        self.begun = self.committed = 0
        self._commit = commit

    @contextmanager
    def __call__(self) -> Iterator[Connection]:
        self.begun += 1
        yield cast("Connection", None)
        self._commit()
        self.committed += 1


def together(commits: GroupCommit, works: list[Callable[[Connection], Any]]) -> list[Any]:
    """Outcomes of works that all wait while another writes, so that they are written together."""

    def outcome(work: Callable[[Connection], Any]) -> Any:
        try:
            return commits.run(work)
        except Exception as error:
            return error

    with ThreadPoolExecutor(len(works)) as pool:
        with commits.alone():
            futures = [pool.submit(outcome, work) for work in works]
            while len(commits._waiting) < len(works):
                threading.Event().wait(0.001)
        return [future.result(timeout=10) for future in futures]


def fail(_: Connection) -> None:
    raise ValueError("mine")


def test_all_who_wait_share_one_transaction() -> None:
    transactions = Transactions()
    outcomes = together(GroupCommit(transactions), [lambda _, n=n: n for n in range(20)])
    assert sorted(outcomes) == list(range(20))
    assert transactions.committed == 1


def test_one_failure_is_not_everybodys() -> None:
    transactions = Transactions()
    works = [lambda _: 1, fail, lambda _: 2, fail, lambda _: 3]
    outcomes = together(GroupCommit(transactions), works)
    assert [one for one in outcomes if isinstance(one, int)] == [1, 2, 3]
    assert [str(one) for one in outcomes if isinstance(one, ValueError)] == ["mine", "mine"]
    assert transactions.committed == 1


def test_a_failed_commit_is_told_to_all_and_not_tried_again() -> None:
    def broken() -> None:
        raise OSError("the disk is gone")

    transactions = Transactions(broken)
    outcomes = together(GroupCommit(transactions), [lambda _: 1, lambda _: 2])
    assert [str(one) for one in outcomes] == ["the disk is gone"] * 2
    assert transactions.begun == 1


def test_finish_writes_for_those_who_wait() -> None:
    transactions = Transactions()
    commits = GroupCommit(transactions)
    outcomes: list[int] = []
    thread = threading.Thread(target=lambda: outcomes.append(commits.run(lambda _: 7)))
    with commits.alone():
        thread.start()
        while not len(commits):
            threading.Event().wait(0.001)
    commits.finish(lambda: None)
    thread.join(timeout=10)
    assert outcomes == [7]
    assert transactions.committed == 1


def test_a_failure_reaches_its_caller() -> None:
    with pytest.raises(ValueError, match="mine"):
        GroupCommit(Transactions()).run(fail)
