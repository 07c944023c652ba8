"""Blocks: the parts that networks are put together from, each apart from losses and batches."""
