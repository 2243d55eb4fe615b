"""The live page: picture, faces, events and state, in a browser and for programs."""
