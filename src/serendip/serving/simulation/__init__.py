"""Simulation: people of the demo world live with the service; `docs/closed_loop.md` tells what comes of it."""
