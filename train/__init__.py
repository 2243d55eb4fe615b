"""Training: data sets, networks, recipes, the training loop, evaluation.

Comes with the extra `host`; the faces that it learns from are read by `data`, without TensorFlow.
"""
