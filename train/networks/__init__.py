"""The networks. Each takes pixels as they are, 0 to 255: scaling is a layer of the graph.

A device that hands over raw pixels can't get the scaling wrong, and int8 input is the pixel minus 128.
"""
