"""Medians of the rounds, as one Markdown table.

A figure is the median of what each round gave; a ratio or a difference is taken within a round, against
the untraced run of that round, so that a machine that gets slower in between spoils none of them.
"""

import dataclasses
import statistics

HEADINGS = [
    "workload",
    "peer",
    "events",
    "wall s",
    "wall ratio",
    "CPU ratio",
    "+wall",
    "+CPU",
    "per",
    "target MiB",
    "helper MiB",
    "bytes/event",
    "report s",
    "seep/heaptrack wall",
    "CPU",
]
NUMBERS_BEGIN = 2


@dataclasses.dataclass
class Measurement:
    """One run of a workload under a peer."""

    usage: object  # measure.Usage
    recording_bytes: int | None = None
    report_seconds: float | None = None
    note: str | None = None


def median(values):
    known = [value for value in values if value is not None]
    return statistics.median(known) if known else None


def show(value, decimals):
    if value is None:
        return "–"
    return f"{value:,.{decimals}f}".replace("-", "−")


def show_bytes_per_event(value):
    return "–" if value is None else f"{value:.2g}" if value < 0.1 else f"{value:.2f}"


class Rows:
    """The rows of one workload: `runs` is peer name -> list of Measurement, one a round."""

    def __init__(self, workload, size, runs, events):
        self.workload = workload
        self.runs = runs
        self.events = events
        self.units = workload.units(size) if workload.units else events
        # added times are in ns per event, in ms per start and per second
        self.unit = "event, ns" if workload.unit == "event" else f"{workload.unit}, ms"
        self.unit_scale = 1e9 if workload.unit == "event" else 1e3

    def pairs(self, peer, figure):
        """(untraced, peer) of each round in which both worked."""
        return [
            (getattr(base.usage, figure), getattr(run.usage, figure))
            for base, run in zip(self.runs["untraced"], self.runs.get(peer, []))
            if not base.usage.failure and not run.usage.failure
        ]

    def ratio(self, peer, figure):
        return median([mine / base for base, mine in self.pairs(peer, figure) if base > 0])

    def added(self, peer, figure):
        """Per unit; None where there are no units."""
        if not self.units or peer == "untraced":
            return None
        difference = median([mine - base for base, mine in self.pairs(peer, figure)])
        return None if difference is None else difference * self.unit_scale / self.units

    def against(self, peer, rival, figure):
        """The added time of `peer` over that of `rival`; None unless both add something."""
        mine, theirs = self.added(peer, figure), self.added(rival, figure)
        return mine / theirs if mine and theirs and mine > 0 and theirs > 0 else None

    def usage(self, peer, figure):
        worked = [run.usage for run in self.runs[peer] if not run.usage.failure]
        return median([getattr(usage, figure) for usage in worked])

    def mebibytes(self, peer, figure):
        value = self.usage(peer, figure)
        return None if value is None else value / (1 << 20)

    def row(self, peer):
        runs = self.runs[peer]
        failures = [run.usage.failure for run in runs if run.usage.failure]
        name = [self.workload.name, peer]
        if len(failures) == len(runs):
            return name + [f"fails: {failures[0]}"] + ["–"] * (len(HEADINGS) - 3)
        notes = [f"fails {len(failures)} of {len(runs)}: {failures[0]}"] if failures else []
        notes += [run.note for run in runs if run.note]
        if notes:
            name[1] += f" ({notes[0]})"
        recorded = median([run.recording_bytes for run in runs])
        is_seep = peer == "seep"
        return name + [
            "–" if not self.events else f"{self.events / 1e6:.2f}M",
            show(self.usage(peer, "wall_seconds"), 3),
            show(self.ratio(peer, "wall_seconds"), 2),
            show(self.ratio(peer, "cpu_seconds"), 2),
            show(self.added(peer, "wall_seconds"), 1),
            show(self.added(peer, "cpu_seconds"), 1),
            self.unit,
            show(self.mebibytes(peer, "target_peak_bytes"), 1),
            show(self.mebibytes(peer, "helper_peak_bytes"), 1),
            show_bytes_per_event(recorded / self.events if recorded and self.events else None),
            show(median([run.report_seconds for run in runs]), 2),
            show(self.against("seep", "heaptrack", "wall_seconds"), 2) if is_seep else "",
            show(self.against("seep", "heaptrack", "cpu_seconds"), 2) if is_seep else "",
        ]

    def rows(self):
        return [self.row(peer) for peer in self.runs]


def write_markdown(rows):
    """Columns are padded, so that the table can be read as it is."""
    table = [HEADINGS] + rows
    widths = [max(len(row[column]) for row in table) for column in range(len(HEADINGS))]

    def line(row):
        cells = [
            text.ljust(width) if column < NUMBERS_BEGIN else text.rjust(width)
            for column, (text, width) in enumerate(zip(row, widths))
        ]
        return "| " + " | ".join(cells) + " |"

    rule = [
        "-" * width if column < NUMBERS_BEGIN else "-" * (width - 1) + ":"
        for column, width in enumerate(widths)
    ]
    return "\n".join([line(HEADINGS), "| " + " | ".join(rule) + " |", *map(line, rows)])
