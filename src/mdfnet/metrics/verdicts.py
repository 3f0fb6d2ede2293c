"""What may be said of a difference, in the words that the terminal, the reports and the experiments share."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Literal, get_args

ALPHA = 0.05  #: A difference is called shown below this p, corrected where there are several classes

Verdict = Literal["higher", "lower", "not shown"]


def verdict_of(value: float, low: float, high: float, p: float = math.nan) -> Verdict:
    """Shown is a difference whose interval leaves out zero and, where there is a test, whose p is below 0.05.

    Examples:
        >>> verdict_of(0.2, 0.1, 0.3, p=0.01), verdict_of(0.2, 0.1, 0.3, p=0.2), verdict_of(0.2, -0.1, 0.5)
        ('higher', 'not shown', 'not shown')
    """
    if not (low > 0 or high < 0) or p >= ALPHA:
        return "not shown"
    return "higher" if value > 0 else "lower"


def why_not_shown(low: float, high: float) -> str:
    """Which of the two conditions of :func:`verdict_of` fails, the interval first."""
    return "p is not below 0.05" if low > 0 or high < 0 else "the interval includes zero"


def by_verdict(verdicts: Iterable[tuple[str, str]]) -> dict[Verdict, list[str]]:
    """Verdict -> the findings that have it, from pairs of both; findings without a verdict are left out.

    Examples:
        >>> by_verdict([("Mass", "higher"), ("Nodule", "not shown"), ("Effusion", "higher")])
        {'higher': ['Mass', 'Effusion'], 'lower': [], 'not shown': ['Nodule']}
    """
    pairs = list(verdicts)
    return {verdict: [finding for finding, own in pairs if own == verdict] for verdict in get_args(Verdict)}


def p_in_words(p: float) -> str:
    """A p value as papers give it.

    Examples:
        >>> p_in_words(0.0123), p_in_words(1e-5)
        ('p = 0.012', 'p < 0.001')
    """
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}"


def signed(value: float, form: str = "+.2f") -> str:
    """A difference with its sign and a real minus; – where there is none.

    Examples:
        >>> signed(-0.257), signed(0.0), signed(math.nan)
        ('−0.26', '±0.00', '–')
    """
    if math.isnan(value):
        return "–"
    text = format(value, form)
    return (f"±{text[1:]}" if float(text) == 0 else text).replace("-", "−")


def change_in_words(value: float, low: float, high: float, form: str = "+.2f", label: str = "95 % ") -> str:
    """A difference with its interval, where there is one.

    Examples:
        >>> change_in_words(0.1, -0.02, 0.22), change_in_words(0.1, math.nan, math.nan)
        ('+0.10 (95 % −0.02 to +0.22)', '+0.10')
    """
    if math.isnan(low):
        return signed(value, form)
    return f"{signed(value, form)} ({label}{signed(low, form)} to {signed(high, form)})"


def listed(words: Sequence[str]) -> str:
    """Words as a sentence lists them.

    Examples:
        >>> listed(["Mass"]), listed(["Mass", "Nodule", "Effusion"])
        ('Mass', 'Mass, Nodule and Effusion')
    """
    *most, last = words
    return f"{', '.join(most)} and {last}" if most else last
