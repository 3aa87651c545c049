"""What the evaluation found, as tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from bot.cases import CaseSet, Read, entities_right, routes_of
from bot.components.limits import Limits
from bot.folds import Held
from bot.measures import (
    Bin,
    Measure,
    Tally,
    at_limit,
    calibration_error,
    confusions,
    fallback_costs,
    named_values,
    route_order,
    share,
    tallies,
)
from bot.tables import NOTHING, Table, figure, measured

WORST = 20
SENTENCES = 4
"""Sentences shown of each confusion; the rest are in the report."""
KINDS = ("plate", "vin", "phone", "mileage_km", "model", "store", "station", "city", "order_no")
ALL = "all"
TRIED = (0.2, 0.25, 0.3, 0.35, 0.4, 0.5)
_TRAP = "must not be"
URGENT = ("talk_to_human", "roadside_rescue")


def of_cases(name: str, reads: Sequence[Read]) -> dict[str, Measure]:
    """Return the measures of one set by what they measure; each one's name begins with the set's.

    `traps` are the cases that must not come out with a route; those of one set and one such route
    are one measure.
    """
    found: dict[str, Measure] = {}

    def add(what: str, value: float, count: int, aim: str) -> None:
        if count:
            found[what] = Measure(f"{name}: {what}", value, count, aim)

    owned = [each for each in reads if each.case.route]
    counts = tallies(routes_of(owned))
    wanted = {str(each.case.route) for each in owned}
    person, danger = counts.get("talk_to_human", Tally()), counts.get("roadside_rescue", Tally())
    add("right route", share(each.right for each in owned), len(owned), "≥ .90")
    lowest = min((counts[route].recall for route in wanted), default=0.0)
    add("lowest recall of a route", lowest, len(wanted), "≥ .80")
    add("a person, recall", person.recall, person.right + person.missed, "≥ .97")
    add("a person, precision", person.precision, person.right + person.wrong, "≥ .95")
    add("danger, recall", danger.recall, danger.right + danger.missed, "≥ .97")
    for route in sorted({each.case.must_not for each in reads if each.case.must_not}):
        traps = [each.route == route for each in reads if each.case.must_not == route]
        add(f"{_TRAP} {route}, is", share(traps), len(traps), "≤ .05")
    named = [entities_right(each.case, each.parsed) for each in reads if each.case.entities]
    add("all named values right", share(named), len(named), "≥ .93")
    return found


def cases_table(sets: Mapping[str, Mapping[str, Measure]]) -> Table:
    """Return the measures of the sets side by side."""
    names = dict.fromkeys(what for found in sets.values() for what in found)
    rows = []
    for what in sorted(names, key=_traps_last):
        each = [found.get(what) for found in sets.values()]
        aim = next(measure.aim for measure in each if measure is not None)
        rows.append((what, aim, *map(measured, each)))
    return Table("cases", "Cases, each set apart", ("", "aim", *sets), tuple(rows))


def routes_table(reads: Sequence[tuple[CaseSet, Sequence[Read]]]) -> Table:
    """Return each route's recall and precision: of the set that was looked at, and of the blind
    ones together."""
    known = tallies(routes_of(each for origin, rows in reads if not origin.blind for each in rows))
    blind = tallies(routes_of(each for origin, rows in reads if origin.blind for each in rows))
    rows = []
    for route in route_order([*known, *blind]):
        cells = [route]
        for found in (known, blind):
            tally = found.get(route)
            if tally is None:
                cells += [NOTHING] * 3
            else:
                count = tally.right + tally.missed
                cells += [figure(tally.recall, 2), figure(tally.precision, 2), str(count)]
        rows.append(tuple(cells))
    head = ("route", "first: recall", "precision", "cases", "blind: recall", "precision", "cases")
    return Table("routes", "Each route", head, tuple(rows))


def named_table(groups: Mapping[str, Sequence[Read]]) -> Table:
    """Return how named values were found, kind by kind, for each group of sentences.

    Of a group that never names a kind nothing is said of that kind.
    """
    total: dict[tuple[str, str], Tally] = {}
    for name, reads in groups.items():
        kinds = {kind for each in reads for kind in each.case.entities}
        for each in reads:
            found = named_values(each.case.entities, each.parsed["entities"], kinds)
            for kind, tally in found.items():
                total[kind, name] = total.get((kind, name), Tally()) + tally
    for name in groups:
        each_kind = [tally for (_, group), tally in total.items() if group == name]
        total[ALL, name] = sum(each_kind, Tally())
    rows = []
    for kind in (*KINDS, ALL):
        tallies_of = [total.get((kind, name)) for name in groups]
        if any(tallies_of):
            rows.append((kind, *(cell for each in tallies_of for cell in _tally_cells(each))))
    head = [f"{name}: {what}" for name in groups for what in ("F1", "right", "wrong", "missed")]
    return Table("named", "Named values", ("", *head), tuple(rows))


def confusions_table(place: str, title: str, found: Iterable[tuple[str, str, str]]) -> Table:
    """Return the worst confusions with some of their sentences."""
    rows = []
    for meant, understood, texts in confusions(found, WORST):
        more = f" · … {len(texts) - SENTENCES} more" if len(texts) > SENTENCES else ""
        shown = " · ".join(texts[:SENTENCES]) + more
        rows.append((meant, understood, str(len(texts)), shown))
    return Table(place, title, ("meant", "understood", "times", "sentences"), tuple(rows))


def calibration_table(curves: Mapping[str, Sequence[Bin]]) -> Table:
    """Return how sure and how often right, bin by bin, with each curve's error below."""
    head: list[str] = ["how sure"]
    for name in curves:
        head += [f"{name}: predictions", "how sure on average", "right"]
    rows = []
    for bins in zip(*curves.values(), strict=True):
        cells = [f"{bins[0].low:.1f}–{bins[0].high:.1f}"]
        for each in bins:
            cells += [str(each.count), figure(each.sure), figure(each.right)]
        rows.append(tuple(cells))
    errors = [["", "", figure(calibration_error(bins))] for bins in curves.values()]
    rows.append(("expected calibration error", *(cell for each in errors for cell in each)))
    return Table("calibration", "As sure as right?", tuple(head), tuple(rows))


def limits_table(limits: Limits | None, held: Held) -> Table:
    """Return the limits fitted with the model, and what they cost on the held-out folds."""
    if limits is None:
        return Table("limits", "Fitted limits", ("", "limit"), (("the model has none", NOTHING),))
    rows = []
    for name, limit in limits.urgent.items():
        tally = _urgent(held, name, limit)
        said = f"recall {figure(tally.recall)}, precision {figure(tally.precision)}"
        rows.append((f"{name} counts from", figure(limit), said))
    bad, lost = _fallback(held, limits.fallback)
    said = f"unrelated that act {figure(bad)}, right ones lost {figure(lost)}"
    rows.append(("no intent is believed below", figure(limits.fallback), said))
    head = ("", "limit", "on the held-out folds")
    return Table("limits", "Limits fitted with the model", head, tuple(rows))


def thresholds_table(held: Held) -> Table:
    """Return what other limits would cost on the held-out folds."""
    rows = []
    for limit in TRIED:
        cells = [f"{limit:.2f}"]
        for name in URGENT:
            tally = _urgent(held, name, limit)
            cells += [figure(tally.recall), figure(tally.precision)]
        rows.append((*cells, *map(figure, _fallback(held, limit))))
    head = (
        "limit",
        *(f"{name}: {what}" for name in URGENT for what in ("recall", "precision")),
        "fallback: unrelated that act",
        "right ones lost",
    )
    return Table("thresholds", "What other limits would cost", head, tuple(rows))


def measures_table(place: str, title: str, measures: Iterable[Measure]) -> Table:
    """Return measures one below the other."""
    rows = [(each.name, each.aim, measured(each)) for each in measures]
    return Table(place, title, ("", "aim", "figure"), tuple(rows))


def accuracy_table(sets: Sequence[CaseSet], columns: Mapping[str, Mapping[str, float]]) -> Table:
    """Return the share of right routes of each set; `columns` are engines with a share a set."""
    rows = [
        (
            f"{each.name} ({len(each.owned)}{', blind' if each.blind else ''})",
            *(figure(column.get(each.name)) for column in columns.values()),
        )
        for each in sets
    ]
    return Table("baselines", "Right route, beside baselines", ("set", *columns), tuple(rows))


def time_table(seconds: Mapping[str, float]) -> Table:
    """Return where the time went."""
    rows = [(name, f"{took:.0f}") for name, took in seconds.items()]
    rows.append(("all", f"{sum(seconds.values()):.0f}"))
    return Table("time", "Where the time went", ("", "seconds"), tuple(rows))


def _traps_last(what: str) -> bool:
    return what.startswith(_TRAP)


def _urgent(held: Held, name: str, limit: float) -> Tally:
    truth = np.array(held.labels) == name
    return at_limit(held.chances[:, held.names.index(name)], truth, limit)


def _fallback(held: Held, limit: float) -> tuple[float, float]:
    return fallback_costs(held.chances, held.names, held.labels, limit)


def _tally_cells(tally: Tally | None) -> tuple[str, ...]:
    if tally is None:
        return (NOTHING,) * 4
    return (figure(tally.f1), str(tally.right), str(tally.wrong), str(tally.missed))
