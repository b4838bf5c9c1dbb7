"""The ratios as bars."""

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from report import Results
from timing import Spread
from whole import ILASTIK_FORMAT

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLORS = {
    "Features": "#0072b2",
    "Forest": "#009e73",
    "Autocontext": "#cc79a7",
    "Counting": "#56b4e9",
    "Whole commands": "#d55e00",
}
TARGET_COLOR = "#222222"
BAR_INCHES = 0.3
PANEL_INCHES = 0.62


class Bar(NamedTuple):
    """One bar."""

    label: str
    ratio: Spread
    target: float | None


def write(results: Results, path: Path) -> None:
    """Draw how many times as long others take; nothing if nothing was compared.

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    """
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    panels = _panels(results)
    if not panels:
        return
    sizes = [len(bars) for bars in panels.values()]
    figure, axes = plt.subplots(
        len(panels),
        1,
        figsize=(9.5, sum(sizes) * BAR_INCHES + len(panels) * PANEL_INCHES + 1),
        sharex=True,
        squeeze=False,
        height_ratios=sizes,
        layout=ConstrainedLayoutEngine(h_pad=0.12, w_pad=0.12),
    )
    for (title, bars), ax in zip(panels.items(), axes[:, 0], strict=True):
        _draw(ax, title, bars)
    low = min(1.0, *(bar.ratio.low for bars in panels.values() for bar in bars))
    high = max(bar.ratio.high for bars in panels.values() for bar in bars)
    axes[0, 0].set_xlim(low * 0.85, high * 1.6)
    bottom = axes[-1, 0]
    ticks = [tick for tick in (0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500) if low * 0.85 < tick < high * 1.6]
    bottom.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    bottom.set_xlabel("times as long as this project; 1 is as long", fontsize=10)
    figure.supxlabel(
        "bars: median of all rounds   thin lines: the smallest to the largest   dotted: what this project aims at",
        fontsize=9,
        color="#444444",
    )
    figure.suptitle("How long others take, compared with napari-batch-prediction", fontsize=12, fontweight="bold")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=130)
    plt.close(figure)


def _panels(results: Results) -> dict[str, list[Bar]]:
    """Return the bars of each panel, by its title."""
    panels: dict[str, list[Bar]] = {}
    for row in results.rows:
        if row.ratio and not row.name.startswith("this project"):
            title = f"{row.section}: processor time, one thread each"
            panels.setdefault(title, []).append(Bar(row.name, row.ratio, row.target))
    for bars in panels.values():
        bars.sort(key=lambda bar: -bar.ratio.median)
    for command in results.whole:
        if command.calibrated:
            name = f"{command.name}{'' if command.format == ILASTIK_FORMAT else ', compressed'}"
            title = "Whole commands: ilastik, its times scaled to this machine"
            panels.setdefault(title, []).append(Bar(name, command.calibrated, command.target))
    return panels


def _draw(ax: "Axes", title: str, bars: list[Bar]) -> None:
    """Draw one panel."""
    color = next(color for start, color in COLORS.items() if title.startswith(start))
    ax.set_xscale("log")
    ax.minorticks_off()
    for y, bar in enumerate(bars):
        ax.barh(y, bar.ratio.median - 1, left=1, height=0.62, color=color, linewidth=0)
        ax.plot([bar.ratio.low, bar.ratio.high], [y, y], color="black", linewidth=1.2)
        ax.annotate(
            f"{bar.ratio.median:.1f} ×",
            (max(bar.ratio.high, 1.0), y),
            (5, 0),
            textcoords="offset points",
            va="center",
            fontsize=9,
            fontweight="bold",
        )
        if bar.target:
            ax.plot([bar.target] * 2, [y - 0.42, y + 0.42], color=TARGET_COLOR, linewidth=1.6, linestyle=":")
    ax.set_yticks(range(len(bars)), [bar.label for bar in bars], fontsize=9)
    ax.set_ylim(len(bars) - 0.4, -0.6)
    ax.set_title(title, loc="left", fontsize=10, color=color, fontweight="bold")
    ax.axvline(1, color="black", linewidth=1)
    ax.grid(axis="x", color="#dddddd", linewidth=0.8)
    ax.set_axisbelow(True)
    ax.tick_params(axis="y", length=0)
    for side in ("top", "right", "left"):
        ax.spines[side].set_visible(False)
