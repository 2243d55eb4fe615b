"""What a variant of a study reached."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ...data import metrics
from ...data.results.study import StudyRow


@dataclass(frozen=True)
class Row:
    """What a variant reached.

    Attributes:
        variant: Its name.
        published: What was published for it.
        differs: In what ours differs from that.
        recipe: Hash of its recipe, see `recipes.fingerprint`.
        why_not: Why it was not run; all below is empty then.
        parameters: Of the network.
        macs: Multiply-accumulates of one inference.
        faces: Faces trained on, of each fold.
        epochs: Epochs trained, of each fold.
        seconds: Time of training.
        found: What a search found.
        float32: Scores of the float network.
        int8: Scores of its int8 graph on the same faces; None if int8 was left out.
        binary_accuracy: What Keras' binary accuracy makes of the float network's answers.
    """

    variant: str
    published: str = ""
    differs: str = ""
    recipe: str = ""
    why_not: str = ""
    parameters: int = 0
    macs: int = 0
    faces: tuple[int, ...] = ()
    epochs: tuple[int, ...] = ()
    seconds: float = 0
    found: dict[str, Any] = field(default_factory=dict)
    float32: metrics.Scores | None = None
    int8: metrics.Scores | None = None
    binary_accuracy: float = 0

    def to_json(self) -> StudyRow:
        """Return plain values for a JSON file."""
        return {
            "variant": self.variant,
            "published": self.published,
            "differs": self.differs,
            "recipe": self.recipe,
            "why_not": self.why_not,
            "parameters": self.parameters,
            "macs": self.macs,
            "faces": list(self.faces),
            "epochs": list(self.epochs),
            "seconds": self.seconds,
            "found": self.found,
            "float32": self.float32.to_json() if self.float32 else None,
            "int8": self.int8.to_json() if self.int8 else None,
            "binary_accuracy": self.binary_accuracy,
        }
