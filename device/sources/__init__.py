"""Where frames come from: cameras, streams, clips, pictures, drawn faces."""
