"""The session: how torch is set up for one piece of work, and that it is put back."""

from __future__ import annotations

import pytest
import torch

from serendip.errors import InputError
from serendip.training import FitOptions, session
from serendip.training.session import torch_session


def settings() -> tuple[int, str]:
    return torch.get_num_threads(), torch.get_float32_matmul_precision()


def test_within_torch_keeps_to_the_threads_and_is_as_before_afterwards() -> None:
    before = settings()
    with torch_session(FitOptions(threads=before[0] + 1, precision="mixed")):
        assert settings() == (before[0] + 1, "medium")
    assert settings() == before
    with torch_session(FitOptions(threads=before[0] + 1)):
        assert settings() == (before[0] + 1, before[1])


def failing(options: FitOptions) -> None:
    with torch_session(options):
        torch.rand(3)
        raise ValueError("stop")


def test_after_a_failure_all_is_as_before() -> None:
    before, state = settings(), torch.get_rng_state()
    with pytest.raises(ValueError, match="stop"):
        failing(FitOptions(threads=before[0] + 1, precision="mixed"))
    assert settings() == before
    assert torch.equal(torch.get_rng_state(), state)


def test_numbers_are_those_of_the_seed_and_the_global_state_stays() -> None:
    state = torch.get_rng_state()
    found = []
    for seed in (1, 1, 2):
        with torch_session(FitOptions(seed=seed)):
            found.append(torch.rand(4))
    assert torch.equal(found[0], found[1])
    assert not torch.equal(found[0], found[2])
    assert torch.equal(torch.get_rng_state(), state)


def test_a_device_that_is_not_there_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    before = settings()
    with pytest.raises(InputError, match="cuda"), torch_session(FitOptions(device="cuda", threads=before[0] + 1)):
        raise AssertionError("it was let in")
    assert settings() == before


def test_the_device_is_the_one_asked_for() -> None:
    with torch_session(FitOptions()) as device:
        assert device == torch.device("cpu")


def test_one_thread_does_for_few_events() -> None:
    before = torch.get_num_threads()
    for events, expected in ((session.FEW - 1, 1), (session.FEW, before + 1), (None, before + 1)):
        with torch_session(FitOptions(threads=before + 1), events):
            assert torch.get_num_threads() == expected
    assert torch.get_num_threads() == before
