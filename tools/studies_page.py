"""The table of all studies, as a page: it is written from what `ferlite study` left, never by hand."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from ..data.metrics import wilson
from ..data.results.accuracy import ScoreFields
from ..data.results.study import StudyResult, StudyRow
from ..errors import DataError
from ..train.recipes import fingerprint
from ..train.studies.confusions import confusions
from ..train.studies.study import Study, Variant

_HEAD = """# Results of the studies

Written by `python -m ferlite.tools studies-page` from `benchmarks/reference/study-*.json`, which `ferlite study` wrote.
Each table is reproduced by the lines above it. Unless a table says otherwise, a network is trained on FER2013's
Training split, its epoch is chosen on PublicTest, and the scores are those on PublicTest: a little flattering to all
rows alike.
PrivateTest is not looked at. int8 is the network quantized after training with the defaults of `ferlite convert`, but
without its budget: no layer stays in float. `binary` is what Keras' binary accuracy, over one-hot labels, makes of the
float network's answers: in published projects it is often taken for accuracy. Intervals are Wilson's, of faces that are
independent; where one person has several, as in facial_expressions, they are too narrow.

The models that `ferlite-m` was chosen from are compared in [candidates.md](candidates.md).
"""


def page(studies: Iterable[StudyResult], asked: Mapping[str, Study]) -> str:
    """Write the page.

    Args:
        studies: What the studies wrote to study.json.
        asked: The studies themselves, by name.

    Returns:
        Markdown.

    Raises:
        DataError: A study was run by another recipe than its file now names.
    """
    return "\n".join([_HEAD, *(_section(study, asked[study["study"]]) for study in studies)])


def _section(study: StudyResult, asked: Study) -> str:
    rows = study["rows"]
    watched = {f"{true} for {guess}" for true, guess in asked.watched}
    scored = [(row, row["float32"]) for row in rows if row["float32"]]
    machine = study["about"]["machine"] if study["about"] else None
    # What was published, and what differs, may be put in better words after a study was run; recipes may not.
    texts = {variant.name: variant for variant in asked.variants}
    for row in rows:
        text = texts.get(row["variant"])
        if text is None or row["recipe"] != fingerprint(asked.recipe_of(text)):
            raise DataError(
                f"variant {row['variant']} of {asked.name} was run by another recipe than there is now; run the study "
                "again, and copy its study.json"
            )
    lines = [
        f"## {study['study']}",
        "",
        asked.description,
        "",
        *(f"    {line}" for line in asked.commands),
        "",
        f"Data {study['data']} (sha256 {study['sha256'][:12]}), scored on {study['evaluated']}: "
        f"{scored[0][1]['count']:,} faces. "
        if scored
        else "",
        (f"Machine: {machine['model']}, {machine['cores']} cores; " if machine else "")
        + ", ".join(f"{name} {version}" for name, version in study["versions"].items())
        + ".",
        "",
        "| variant | parameters | MMAC | faces, epochs | float32 [95 %] | int8 | macro-F1 | binary | published "
        "| what differs |",
        "|---|---|---|---|---|---|---|---|---|---|",
        *(_row(row, texts[row["variant"]]) for row in rows),
        "",
    ]
    if scored:
        names = list(scored[0][1]["recall"])
        head = ["recall, float32 [95 %]", *names, "mean", "most often taken"]
        head += ["published confusions"] if asked.watched else []
        lines += [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
        for row, scores in scored:
            cells = [row["variant"], *map(_recall, scores["confusion"], range(len(names)))]
            cells.append(f"{scores['balanced_accuracy']:.1%}")
            cells.append(", ".join(confusions(scores)[:3]))
            if asked.watched:
                cells.append(", ".join(one for one in confusions(scores) if one.rpartition(" ")[0] in watched))
            lines.append(f"| {' | '.join(cells)} |")
        lines.append("")
        figures = {row["variant"]: _Figures(row, scores) for row, scores in scored}
        # A sentence on variants that were not run has no figures.
        answers = [answer for answer in asked.answers if set(re.findall(r"{([^.}]+)", answer)) <= set(figures)]
        lines += [*(f"- {answer.format_map(figures)}" for answer in answers), *([""] if answers else [])]
    return "\n".join(lines)


class _Figures:
    """The figures of a row as sentences want them, see `studies.Study.answers`."""

    def __init__(self, row: StudyRow, scores: ScoreFields) -> None:
        self.accuracy = f"{scores['accuracy']:.1%}"
        self.mean = f"{scores['balanced_accuracy']:.1%}"
        self.binary = f"{row['binary_accuracy']:.1%}"
        self.taken = dict(one.rsplit(" ", 1) for one in confusions(scores))
        self.recall = {name: f"{share:.1%}" for name, share in scores["recall"].items() if share is not None}


def _recall(counts: Sequence[int], place: int) -> str:
    if not sum(counts):
        return ""
    low, high = wilson(counts[place], sum(counts))
    return f"{counts[place] / sum(counts):.1%} [{100 * low:.0f}, {100 * high:.0f}]"


def _row(row: StudyRow, text: Variant) -> str:
    scores = row["float32"]
    if scores is None:
        return f"| {row['variant']} | | | | {row['why_not']} | | | | {text.published} | {text.differs} |"
    low, high = scores["interval"]
    found = "; found " + ", ".join(f"{key} {value:g}" for key, value in row["found"].items()) if row["found"] else ""
    cells = (
        row["variant"],
        f"{row['parameters']:,}",
        f"{row['macs'] / 1e6:.1f}",
        f"{_span(row['faces'])}, {_span(row['epochs'])}",
        f"{scores['accuracy']:.2%} [{low:.1%}, {high:.1%}]",
        f"{row['int8']['accuracy']:.2%}" if row["int8"] else "",
        f"{scores['macro_f1']:.3f}",
        f"{row['binary_accuracy']:.2%}",
        text.published,
        text.differs + found,
    )
    return f"| {' | '.join(cells)} |"


def _span(values: Sequence[int]) -> str:
    low, high = min(values), max(values)
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"
