"""Peers: the same cases through other libraries, each in an environment of its own.

`make peers` creates the environments under `.peers/` from the pinned `requirements-*.txt` beside this page. This side
writes the parts of a case into a folder (`handover`), the peer's own Python fits and answers there (`worker`, with a
small adapter per library), and the answers are evaluated like ours (`running`). What is measured of a peer is its
fitting and its answering, by the peer's own process, in the way our own processes measure themselves.
"""

from benchmarks.peers.running import main

__all__ = ["main"]
