"""Service: the live service under load, measured from outside as its users meet it.

    python -m benchmarks service --folder worlds                           # everything but the soak
    python -m benchmarks service --folder worlds --only latency,rate       # some of it
    python -m benchmarks service --folder worlds --only soak --soak 3600   # the hour
    python -m benchmarks service --folder worlds --quick --json /tmp/out   # does it work?

Worlds (`world.py`, `shop.py`) are made once per folder. Each measurement starts `serendip serve` in a process of its
own on a copy of a world (`process.py`), asks it what `asks.py` says at the times that `load.py` keeps, and writes one
JSON file (`record.py`), from which `report.py` makes docs/service_speed.md. A measurement that is recorded of the same
commit is not repeated: the command can be stopped and started again.
"""
