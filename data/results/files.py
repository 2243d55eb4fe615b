"""Names and schemas of the files that hold results."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from ...errors import DataError
from ...models.files import read_bytes

ACCURACY = "accuracy.json"
LATENCY = "latency.json"
PIPELINE = "pipeline.json"
FACES = "faces.json"
STUDY = "study.json"
INSPECTION = "{model}-inspect.json"
SENSITIVITY = "{model}-sensitivity.json"
VIDEO = "demo.mp4"
"""The annotated video that the report shows where it lies beside the results."""

ACCURACY_SCHEMA: Final = "ferlite-accuracy/3"
LATENCY_SCHEMA: Final = "ferlite-latency/2"
PIPELINE_SCHEMA = "ferlite-pipeline/2"
FACES_SCHEMA = "ferlite-faces/1"
EVENTS_SCHEMA = "ferlite-events/1"
GATES_SCHEMA = "ferlite-gates/2"
FOOTPRINT_SCHEMA = "ferlite-footprint/1"
INSPECTION_SCHEMA = "ferlite-inspection/1"
SENSITIVITY_SCHEMA = "ferlite-sensitivity/1"
STUDY_SCHEMA = "ferlite-study/1"


def read(path: str | Path, *schemas: str) -> Any:
    """Read a result of one of the schemas.

    Args:
        path: JSON file.
        schemas: What the field `schema` may be.

    Returns:
        The dict of that schema. Its fields are not checked.

    Raises:
        MissingFileError: There is no such file.
        DataError: It is no JSON, no result, or one of another schema.
    """
    try:
        result = json.loads(read_bytes(path))
        schema = result["schema"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise DataError(
            f"{path} is no result of ferlite ({type(error).__name__}: {str(error)[:100]}); measure again"
        ) from error
    if schema not in schemas:
        raise DataError(f"{path} has the schema {schema!r}, not {' or '.join(schemas)}; measure again")
    return result
