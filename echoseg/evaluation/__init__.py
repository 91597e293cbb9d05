"""Accuracy and benchmarks: how good, how fast, how much memory."""
