"""Training: data sets, networks, recipes, the training loop, evaluation.

`datasets` and `metrics` need no TensorFlow; everything else here comes with the extra `host`.
"""
