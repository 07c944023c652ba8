"""Benchmarks: cases with published figures, results as JSON, and the leaderboard they generate.

Run as `python -m benchmarks list | run | peers | report`.
"""
