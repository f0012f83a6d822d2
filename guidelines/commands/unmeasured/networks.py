"""The command `guidelines networks`: what every whole network costs, beside published costs."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace

from rich.console import Console
from rich.progress import track

from guideline_benchmarks.guidelines.commands.options import Json
from guideline_benchmarks.guidelines.session.asked_networks import named_cost
from guideline_benchmarks.guidelines.session.printing import print_json
from guideline_benchmarks.networks.catalogue import NETWORKS, NamedNetwork
from guideline_benchmarks.reports.document import MISSING, Heading, Table
from guideline_benchmarks.reports.formats.terminal import print_table
from guideline_benchmarks.reports.layout import excess, significant
from guideline_benchmarks.results.paper import published_networks
from guideline_benchmarks.results.paper.networks import read_table8
from guideline_benchmarks.results.record.cells import WholeNetwork, shape_text


@dataclass(frozen=True)
class NetworkCost:
    """Multiply-adds for one image, weights (batch norm's included), and the published figures.

    `input` is (batch, channels, height, width). Published figures are None where the paper prints
    none. `table8_row` is the text of the row of Table 8 that they are from, None for all others.
    """

    name: str
    multiply_adds: int
    weights: int
    input: tuple[int, ...]
    published_multiply_adds: float | None
    published_weights: float | None
    table8_row: str | None = None


def network_cost(network: NamedNetwork) -> NetworkCost:
    """Count one network; nothing is computed, and no memory taken by its weights."""
    total = named_cost(WholeNetwork(network.name, network.size))
    published = published_networks().get(network.name)
    return NetworkCost(
        name=network.name,
        multiply_adds=total.multiply_adds,
        weights=total.weights,
        input=network.input_shape,
        published_multiply_adds=published.multiply_adds if published else None,
        published_weights=published.weights if published else None,
    )


def by_row(cost: NetworkCost) -> list[NetworkCost]:
    """Return a network's costs once for each row of Table 8 that prints it, and once without any.

    Some are printed twice, as published elsewhere and as the authors' own.
    """
    entries = [entry for entry in read_table8() if entry.name == cost.name]
    return [
        replace(
            cost,
            published_multiply_adds=entry.quoted.multiply_adds,
            table8_row=entry.printed,
        )
        for entry in entries
    ] or [cost]


def costs_table(costs: list[NetworkCost]) -> Table:
    """Return the costs as a table, published figures as the paper prints them."""
    headings = [
        Heading("network", numeric=False),
        Heading("input"),
        Heading("multiply-adds, M"),
        Heading("published"),
        Heading("difference"),
        Heading("weights, M"),
        Heading("published"),
    ]
    rows = [
        [
            entry.name,
            shape_text(entry.input[2:]),
            significant(entry.multiply_adds / 1e6, 4),
            _printed(entry.published_multiply_adds),
            _difference(entry),
            significant(entry.weights / 1e6),
            _printed(entry.published_weights),
        ]
        for entry in costs
    ]
    return Table("Whole networks, one RGB image at a time", headings, rows)


def _printed(figure: float | None) -> str:
    return MISSING if figure is None else f"{figure / 1e6:g}"


def _difference(entry: NetworkCost) -> str:
    if entry.published_multiply_adds is None:
        return MISSING
    return excess(entry.multiply_adds, entry.published_multiply_adds)


def command(json: Json = False) -> None:
    """List the whole networks with their multiply-adds and weights, beside the published ones."""
    console = Console(stderr=True)
    hidden = json or not console.is_terminal
    wanted = list(NETWORKS.values())
    counted = [
        network_cost(network)
        for network in track(wanted, "counting", console=console, transient=True, disable=hidden)
    ]
    if json:
        print_json([asdict(row) for entry in counted for row in by_row(entry)])
    else:
        screen = Console()
        print_table(costs_table(counted), screen)
        screen.print("Differences above 1 % are explained in docs/networks.md.")
