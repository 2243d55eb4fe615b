"""Studies: recipes that differ in one thing each, trained on the same faces and compared."""
