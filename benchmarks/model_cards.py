"""Model cards (Mitchell et al. 2019, arXiv 1810.03993): what a model is for, on what it was made, how well it does.

A card is Markdown, made of what the model file says of itself; what was measured later, on a test split and on
a machine, is added where it is given.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import cast

import numpy as np

from ..data.metrics import wilson
from ..data.results.accuracy import FinalScore, RecordedScores
from ..data.results.latency import LatencyResult
from ..errors import ModelFormatError
from ..models.files import sha256
from ..models.modelfile import ModelFile
from ..models.record import Record

_BIASES = """\
- Classes are of unequal number in most such data; rare ones are recognized worst.
- Posed, frontal, well-lit faces are recognized best. Masks, hands, strong side light and heads turned far take
  accuracy away.
"""

_FER2013_BIASES = """\
- People agree with each other on FER2013's labels in about two of three cases (Goodfellow et al. 2013, arXiv
  1307.0414); a good part of what counts as an error here is a matter of opinion.
- The pictures came from an image search and are no fair sample of people. Nothing in the data tells age, gender or
  origin, so how the model differs between groups of people was not measured. Assume that it does.
"""

_RESPONSIBLE = """\
An expression is not a feeling: the label says what a face looks like to people who labelled pictures. In the
European Union it is forbidden to infer emotions of people at work and in education (AI Act, Article 5(1)(f)). Do not
base decisions about a person on it. Tell people that a camera looks at them, and store no more than is needed.
"""

_RIGHTS = """\
The rights in FER2013's pictures are an open question: they were gathered by image search for a competition. No
picture is in the model, but its weights are derived from them.
"""


def card(file: ModelFile, looks: Sequence[FinalScore] = (), latency: LatencyResult | None = None) -> str:
    """Write the card of a model.

    Args:
        file: The model file, which carries a record.
        looks: Lines of the log of test-split scores that are this model's, see `accuracy.log_final`.
        latency: Result of `latency.measure` with this model among its models.

    Returns:
        Markdown.

    Raises:
        ModelFormatError: The file carries no record.
    """
    record = file.record
    if record is None:
        raise ModelFormatError(f"{file.path} carries no ferlite record, of which a card is made")
    parts = [f"# {record.name}\n", _purpose(record), _facts(file, record)]
    if record.task == "expression":
        parts += [_data(record), _accuracy(record, looks), _by_label(record, looks)]
        parts += [_speed(file, latency) if latency else ""]
        biases = _BIASES + (_FER2013_BIASES if _of_fer2013(record) else "")
        parts += [f"## Known biases and limits\n\n{biases}", f"## Responsible use\n\n{_RESPONSIBLE}"]
    return "\n".join(part for part in parts if part)


def _purpose(record: Record) -> str:
    return f"{record.intended_use}\n\n**Limits:** {record.limits}\n"


def _facts(file: ModelFile, record: Record) -> str:
    height, width = record.size
    rows = [
        ("task", record.task),
        ("labels", ", ".join(record.labels)),
        ("network", f"{record.network}, {record.parameters:,} parameters, {record.macs / 1e6:.1f} MMAC"),
        ("input", f"{record.channels}, {width} x {height} pixels"),
        ("numbers", record.scheme + (f"; in float: {', '.join(record.kept_float)}" if record.kept_float else "")),
        ("file", f"{file.path.name}, {len(file.content):,} bytes, sha256 {sha256(file.content)}"),
        ("recipe", f"`ferlite train --recipe {record.recipe}`" if record.recipe else ""),
        ("origin", record.origin),
        ("licence", record.licence),
        ("made with", ", ".join(f"{name} {version}" for name, version in record.versions.items())),
    ]
    return _table(("", ""), [row for row in rows if row[1]])


def _of_fer2013(record: Record) -> bool:
    return record.data.get("name") in ("FER2013", "FER+")


def _data(record: Record) -> str:
    data = record.data
    faces = f"{data.get('faces', {}).get('train', 0):,}"
    kinds = {"extra": "additional data", "votes": "votes of FER+", "teachers": "weights of its teachers"}
    more = "".join(f"- {text}: sha256 {data[kind]}\n" for kind, text in kinds.items() if kind in data)
    calibration = record.calibration
    calibrated = (
        "- int8 ranges: {faces} training faces, {method}, sha256 {sha256}\n".format(**calibration)
        if calibration
        else ""
    )
    return (
        f"## Training data\n\n- {data.get('name', 'unknown')}: {faces} faces, sha256 {data.get('sha256', 'unknown')}\n"
        f"{more}{calibrated}" + (f"\n{_RIGHTS}" if _of_fer2013(record) else "")
    )


def _accuracy(record: Record, looks: Sequence[FinalScore]) -> str:
    rows = [
        (
            "validation",
            scheme,
            f"{record.accuracy['validation'].get('count', 0):,}",
            _share(scores["accuracy"], scores["interval"]),
            f"{scores['macro_f1']:.3f}",
            "{before:.3f} → {after:.3f}".format(**scores["calibration_error"]),
        )
        for scheme, scores in _recorded(record).items()
    ]
    if not rows and not looks:
        return ""
    for look in looks:
        error = look.get("calibration_error")
        rows.append(
            (
                f"{look['data']['split']}, once",
                look["scheme"],
                f"{look['data']['faces']:,}",
                _share(look["accuracy"], look["interval"]),
                f"{look['macro_f1']:.3f}",
                "" if error is None else f"{error:.3f}",
            )
        )
    note = (
        "The epoch and everything else was chosen on the validation split. The confidence is calibrated: the logits\n"
        f"are divided by the temperature {record.temperature:g}, learned on the validation split. Its expected\n"
        "calibration error, over 15 bins, stands where it was measured; with an arrow before and after.\n"
    )
    header = ("split", "numbers", "faces", "accuracy [95 %]", "macro-F1", "calibration error")
    return f"## Accuracy\n\n{_table(header, rows)}\n{note}"


def _by_label(record: Record, looks: Sequence[FinalScore]) -> str:
    """The confusions of the test split, where it was looked at, else of the validation split."""
    seen = [look for look in looks if look["scheme"] == record.scheme and "confusion" in look]
    scores = seen[-1] if seen else _recorded(record).get(record.scheme)
    if scores is None:
        return ""
    counts = np.array(scores.get("confusion"))
    rows = []
    for place, label in enumerate(record.labels):
        right, total = int(counts[place, place]), int(counts[place].sum())
        shown = _share(right / total, wilson(right, total)) if total else ""
        rows.append((label, f"{total:,}", shown, *(f"{count:,}" for count in counts[place])))
    split = seen[-1]["data"]["split"] if seen else "validation"
    header = ("labelled", "faces", "recall [95 %]", *(f"named {label}" for label in record.labels))
    return f"### By label, {record.scheme}, {split} split\n\n{_table(header, rows)}"


def _recorded(record: Record) -> dict[str, RecordedScores]:
    """Return the validation scores of each scheme; the record may be one that others made, and lack some."""
    validation = record.accuracy.get("validation", {})
    wanted = RecordedScores.__required_keys__
    return {
        scheme: cast(RecordedScores, scores)
        for scheme, scores in validation.items()
        if isinstance(scores, Mapping) and wanted <= scores.keys()
    }


def _speed(file: ModelFile, latency: LatencyResult) -> str:
    digest, name = sha256(file.content), file.record.name if file.record else ""
    rows = [
        (Path(row["file"]).stem, row["scheme"], f"{row['bytes'] / 1e3:,.0f}", f"{row['p50']:.3f}", f"{row['p90']:.3f}")
        for row in latency["models"]
        if row["threads"] == 1 and row["name"] == name
    ]
    if digest not in [row["sha256"] for row in latency["models"]]:
        return ""
    machine = latency["machine"]
    return (
        f"## Latency\n\n{_table(('file', 'numbers', 'KB', 'p50 ms', 'p90 ms'), rows)}\n"
        f"One inference, one thread, models taking turns; {machine['model']}, {machine['architecture']}, "
        f"{machine['cores']} cores; {latency['runtime']}.\n"
    )


def _share(value: float, interval: Sequence[float] | None) -> str:
    return f"{value:.2%}" + (f" [{interval[0]:.1%}, {interval[1]:.1%}]" if interval else "")


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
