"""Accuracy and latency of model files, measured with their uncertainty."""
