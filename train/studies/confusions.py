"""The most frequent confusions of a network, in words."""

from __future__ import annotations

from ...data.results.accuracy import ScoreFields


def confusions(scores: ScoreFields) -> list[str]:
    """Name the confusions of two classes.

    Args:
        scores: `metrics.Scores` as plain values.

    Returns:
        For instance "fear for sad 27%", in percent of the true class, the most frequent first.
    """
    names = list(scores["recall"])
    shares = [
        (guesses / max(sum(row), 1), true, guess)
        for true, row in zip(names, scores["confusion"], strict=True)
        for guess, guesses in zip(names, row, strict=True)
        if guess != true
    ]
    return [f"{true} for {guess} {share:.0%}" for share, true, guess in sorted(shares, reverse=True)]
