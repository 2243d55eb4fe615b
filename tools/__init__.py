"""What only maintainers run: it rebuilds the files that ferlite ships. Not in the wheel."""
