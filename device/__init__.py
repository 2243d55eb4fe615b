"""What runs on the device: cameras, faces, expressions, tracks, outputs."""
