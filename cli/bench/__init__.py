"""`ferlite bench`: one module for each of its commands."""
