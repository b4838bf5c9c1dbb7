"""Choosing features for training: ilastik's defaults, and a short text for a choice."""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace

from napari_batch_prediction.errors import BatchPredictionError, SettingsError
from napari_batch_prediction.features.selection import FEATURE_IDS, GAUSSIAN, TITLES, FeatureSelection
from napari_batch_prediction.wording import did_you_mean

DEFAULT_SCALES = (0.3, 0.7, 1.0, 1.6, 3.5, 5.0, 10.0)
"""The scales that ilastik offers, in pixels."""

LEAST_SCALE = 0.7
"""At smaller scales ilastik offers only Gaussian Smoothing."""

LARGEST_SCALE = 500.0
"""The largest scale that can be asked for."""

ALL = "all"

_SHORT = {"gaussian": FEATURE_IDS[0], "laplacian": FEATURE_IDS[1], "gradient": FEATURE_IDS[2]}
_SHORT |= {"difference": FEATURE_IDS[3], "structure": FEATURE_IDS[4], "hessian": FEATURE_IDS[5]}
_NAMES = {ALL: ALL, **_SHORT}
_NAMES |= {name.lower(): name for name in FEATURE_IDS} | {title.lower(): name for name, title in TITLES.items()}

_PLACE = re.compile(r"\s+in\s+([23])d\s*$", re.IGNORECASE)
_SPELLING = "Write it as in 'all:0.3-10' or 'gaussian:0.3,1,3.5; hessian:1-5 in 2D'."


def offered(name: str, scale: float) -> bool:
    """Return True if ilastik offers a feature at a scale."""
    return name == GAUSSIAN or scale >= LEAST_SCALE


def make_selection(wanted: Mapping[str, Iterable[float]], in_2d: Collection[float] = ()) -> FeatureSelection:
    """Return the selection of features at scales.

    Parameters
    ----------
    wanted
        The scales of each feature, by ilastik's identifier.
    in_2d
        The scales at which every z slice is filtered by itself.

    Returns
    -------
    A selection with a row for every feature, and a column for every scale that is used or that ilastik offers.
    """
    used = {name: set(scales) for name, scales in wanted.items()}
    scales = sorted({*DEFAULT_SCALES, *(scale for chosen in used.values() for scale in chosen)})
    matrix = tuple(tuple(scale in used.get(name, ()) for scale in scales) for name in FEATURE_IDS)
    return FeatureSelection(FEATURE_IDS, tuple(scales), matrix, tuple(scale in in_2d for scale in scales))


def all_features(scales: Iterable[float]) -> FeatureSelection:
    """Return the selection of every feature that ilastik offers at some scales."""
    scales = [*scales]
    return make_selection({name: [scale for scale in scales if offered(name, scale)] for name in FEATURE_IDS})


def default_selection(extents: Mapping[str, int]) -> FeatureSelection:
    """Return a selection for images of a size: every feature at every scale that fits.

    Scales that are too large for the depth of a volume are computed in each slice.
    """
    plane = min(extents["y"], extents["x"])
    selection = all_features(scale for scale in DEFAULT_SCALES if _fits(scale, plane))
    deep = tuple(not _fits(scale, extents["z"]) for scale in selection.scales)
    return fitted(replace(selection, in_2d=deep), extents["z"])


def fitted(selection: FeatureSelection, depth: int) -> FeatureSelection:
    """Return a selection for images of a depth: all of it in 2D if there is one slice."""
    return replace(selection, in_2d=(True,) * len(selection.scales)) if depth == 1 else selection


def _fits(scale: float, extent: int) -> bool:
    try:
        all_features([scale]).check_extents(extent, extent, extent)
    except BatchPredictionError:
        return False
    return True


def parse_selection(text: str) -> FeatureSelection:
    """Return the selection that a text spells.

    Parameters
    ----------
    text
        Parts with semicolons between them. A part is the names of features, with commas between them, a colon, and
        scales: numbers with commas between them, or ``A-B`` for those that ilastik offers from A to B. Names are
        ilastik's (``Gaussian Smoothing``), the first word (``gaussian``), or ``all``, which below 0.7 is Gaussian
        Smoothing alone. ``in 2D`` at the end computes the scales of a part slice by slice.

    Raises
    ------
    SettingsError
        If the text spells no selection.
    """
    wanted: dict[str, set[float]] = {name: set() for name in FEATURE_IDS}
    flat: dict[float, bool] = {}
    for part in filter(str.strip, text.split(";")):
        names, scales, is_flat = _parsed(part)
        for scale in scales:
            if flat.setdefault(scale, is_flat) != is_flat:
                raise SettingsError(f"Scale {scale:g} is asked for in 2D and in 3D; choose one.", setting="features")
        for name in names:
            wanted[name] |= {scale for scale in scales if ALL not in part.lower() or offered(name, scale)}
    if not any(wanted.values()):
        raise SettingsError(f"'{text}' names no features. {_SPELLING}", setting="features")
    return make_selection(wanted, [scale for scale, is_flat in flat.items() if is_flat])


def _parsed(part: str) -> tuple[list[str], list[float], bool]:
    """Return the features and scales of a part, and if they are computed in 2D."""
    place = _PLACE.search(part)
    names, colon, scales = (part if place is None else part[: place.start()]).partition(":")
    if not colon:
        raise SettingsError(f"'{part.strip()}' has no scales. {_SPELLING}", setting="features")
    found: list[str] = []
    for name in map(str.strip, names.split(",")):
        if name.lower() not in _NAMES:
            raise SettingsError(
                f"There is no feature '{name}'{did_you_mean(name, _NAMES)}. There are: {', '.join(TITLES.values())}, "
                f"and all. {_SPELLING}",
                setting="features",
            )
        own = _NAMES[name.lower()]
        found += FEATURE_IDS if own == ALL else [own]
    return (
        found,
        [scale for text in scales.split(",") for scale in _scales(text)],
        place is not None and place[1] == "2",
    )


def _scales(text: str) -> list[float]:
    first, dash, last = text.partition("-")
    try:
        ends = [float(first), float(last)] if dash else [float(first)]
    except ValueError:
        raise SettingsError(f"'{text.strip()}' is no scale in pixels. {_SPELLING}", setting="features") from None
    if not all(0 < end <= LARGEST_SCALE for end in ends):
        raise SettingsError(
            f"The scale {text.strip()} cannot be used, expected numbers of pixels up to {LARGEST_SCALE:g}.",
            setting="features",
        )
    if not dash:
        return ends
    offered_scales = [scale for scale in DEFAULT_SCALES if ends[0] <= scale <= ends[1]]
    if not offered_scales:
        raise SettingsError(
            f"There is no scale from {text.strip()}. ilastik offers {', '.join(f'{s:g}' for s in DEFAULT_SCALES)}; "
            "write others one by one, with commas.",
            setting="features",
        )
    return offered_scales


def selection_text(selection: FeatureSelection) -> str:
    """Return the text that spells a selection; see :func:`parse_selection`."""
    parts: dict[tuple[bool, tuple[float, ...]], list[str]] = {}
    short = {name: text for text, name in _SHORT.items()}
    for name, row in zip(selection.ids, selection.matrix, strict=True):
        for is_flat in (False, True):
            scales = [
                s
                for s, used, flat in zip(selection.scales, row, selection.in_2d, strict=True)
                if used and flat == is_flat
            ]
            if scales:
                parts.setdefault((is_flat, tuple(scales)), []).append(short[name])
    texts = []
    for (is_flat, sizes), names in parts.items():
        texts.append(f"{','.join(names)}:{','.join(f'{s:g}' for s in sizes)}{' in 2D' if is_flat else ''}")
    return "; ".join(texts)
