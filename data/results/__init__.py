"""The vocabulary of results: what the JSON files that ferlite measures and reads again hold, and their names.

Writers and readers share these types, so that the type checker holds both to the same fields. A result is a plain
dict when a program runs, because a device has no pydantic: `files.read` checks the schema of a file, not its fields.

In all modules: accuracy, recall and shares lie between 0 and 1, `p50`, `p90` and `p99` are quantiles in milliseconds,
and `sha256` and `bytes` are those of a model file unless a type says otherwise. None stands for what is not known.
"""
