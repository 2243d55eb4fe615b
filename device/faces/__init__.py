"""Which faces are in a frame, where, and whether they can be read."""
