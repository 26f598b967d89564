# SPDX-License-Identifier: GPL-3.0-or-later
"""Figures: contenders in turns, medians, ratios, and whether a target is reached. Prints and keeps
what was found; knows no program."""

import csv
import statistics

from stage import Hung, Timeout

FIELDS = ("row", "case", "figure", "unit", "rival", "rival_figure", "ratio", "least", "most",
          "turns", "target", "verdict")


def shown(number):
    """Three digits that matter, and thousands apart."""
    if number is None:
        return ""
    if abs(number) >= 1000:
        return f"{number:,.0f}"
    return f"{number:.3g}"


class Target:
    """A bound: at_least(2.5) or at_most(6)."""

    def __init__(self, bound, is_floor):
        self.bound, self.is_floor = bound, is_floor

    def __str__(self):
        return f"{'at least' if self.is_floor else 'at most'} {shown(self.bound)}"

    def verdict(self, number):
        reached = number >= self.bound if self.is_floor else number <= self.bound
        return "reached" if reached else "missed"


def at_least(bound):
    return Target(bound, True)


def at_most(bound):
    return Target(bound, False)


class Turns:
    """Contenders that did the same work in turns: .values by name, in the order of the turns.

    One that is None has nothing to run here; one that hangs is out, and the others go on."""

    def __init__(self, contenders, turns, complain):
        self.values = {name: [] for name, run in contenders.items() if run}
        for _ in range(turns):
            for name in list(self.values):
                try:
                    self.values[name].append(contenders[name]())
                except (Hung, Timeout) as reason:
                    complain(f"{name} left out: {reason}")
                    del self.values[name]

    def median(self, name):
        return statistics.median(self.values[name]) if name in self.values else None

    def part(self, choose):
        """The same turns with one number of each result."""
        other = Turns({}, 0, None)
        other.values = {name: [choose(value) for value in values]
                        for name, values in self.values.items()}
        return other

    def ratios(self, name, rival):
        """Turn by turn: what makes the machine slow for a while does it to both."""
        if name not in self.values or rival not in self.values:
            return None
        return [a / b for a, b in zip(self.values[name], self.values[rival])]


class Book:
    """All figures of a run."""

    def __init__(self):
        self.lines = []

    def note(self, text):
        print(f"    {text}", flush=True)

    def title(self, text):
        print(f"\n{text}", flush=True)

    def _add(self, **fields):
        self.lines.append({name: fields.get(name, "") for name in FIELDS})

    def figure(self, row, case, values, unit, target=None):
        """A figure of our own; values of several turns, or one."""
        values = values if isinstance(values, list) else [values]
        middle = statistics.median(values)
        verdict = target.verdict(middle) if target else ""
        spread = f" ({shown(min(values))} to {shown(max(values))})" if len(values) > 1 else ""
        self.note(f"{case:<38} {shown(middle):>11} {unit}{spread}"
                  + (f"   {target}: {verdict}" if target else ""))
        self._add(row=row, case=case, figure=middle, unit=unit, least=min(values),
                  most=max(values), turns=len(values), target=target or "", verdict=verdict)

    def ratio(self, row, case, turns, rival, unit, target=None, name="hashflow"):
        """`name` against a rival, if both are there."""
        ratios = turns.ratios(name, rival)
        if ratios is None:
            return
        middle = statistics.median(ratios)
        verdict = target.verdict(middle) if target else ""
        self.note(f"{case + ' / ' + rival:<38} {shown(middle):>11} times "
                  f"({shown(min(ratios))} to {shown(max(ratios))})"
                  + (f"   {target}: {verdict}" if target else ""))
        self._add(row=row, case=case, figure=turns.median(name), unit=unit, rival=rival,
                  rival_figure=turns.median(rival), ratio=middle, least=min(ratios),
                  most=max(ratios), turns=len(ratios), target=target or "", verdict=verdict)

    def rates(self, case, turns, unit):
        """Medians of all that took part, to be read; the ratios come after them."""
        rates = ", ".join(f"{name} {shown(turns.median(name))}" for name in turns.values)
        self.note(f"{case}: {rates} {unit}")

    def write(self, path, machine):
        with open(path, "w", encoding="utf-8", newline="") as file:
            file.write(f"# {machine}\n")
            writer = csv.DictWriter(file, FIELDS)
            writer.writeheader()
            writer.writerows(self.lines)
