"""Where results go: JSON lines, videos, pictures."""
