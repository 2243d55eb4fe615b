"""Labelled faces: readers, FER+ votes, splits, metrics. Needs no TensorFlow."""
