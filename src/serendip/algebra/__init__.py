"""Algebra: what the classic models compute with: sparse similarities, ridge solutions, folding in; arrays only."""
