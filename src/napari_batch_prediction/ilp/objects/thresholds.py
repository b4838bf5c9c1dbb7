"""What makes objects of probabilities in a project."""

from napari_batch_prediction.errors import ProjectError, SettingsError
from napari_batch_prediction.ilp.limits import MAX_SIGMA
from napari_batch_prediction.ilp.project import TRAIN_AGAIN
from napari_batch_prediction.ilp.reading.file import ProjectFile
from napari_batch_prediction.ilp.reading.group import ProjectGroup
from napari_batch_prediction.objects.settings import Method, Thresholds

_GROUP = "ThresholdTwoLevels"
_SIMPLE, _HYSTERESIS, _GRAPH_CUT, _FLOOD = range(4)
_METHODS: dict[int, Method] = {_SIMPLE: "simple", _HYSTERESIS: "hysteresis", _FLOOD: "ipht"}
_MOST = 1e15


def read_thresholds(file: ProjectFile) -> Thresholds:
    """Return what makes objects of probabilities; ilastik's defaults for what is not stored.

    Raises
    ------
    ProjectError
        If it is damaged, or a graph cut.
    """
    group = file.group(_GROUP)
    if group is None:
        return Thresholds(max_size=1_000_000)
    method = _whole(group, "CurOperator", _SIMPLE)
    if method == _GRAPH_CUT:
        raise ProjectError(
            f"{file.path} makes objects by a graph cut, which is not supported. Choose another method in ilastik's "
            f"'Threshold and Size Filter', for example hysteresis. {TRAIN_AGAIN}"
        )
    if method not in _METHODS:
        raise group.damaged("CurOperator", f"expected a method from 0 to 3, found {method}")
    channel = _whole(group, "Channel", 0)
    low = _number(group, "LowThreshold", 0.5)
    if method == _SIMPLE:
        # So it was called at first.
        low = _number(group, "SingleThreshold", low)
    sigmas = group.group("SmootherSigma")
    z, y, x = (1.0 if sigmas is None else _number(sigmas, key, 1.0, MAX_SIGMA) for key in "zyx")
    try:
        return Thresholds(
            channel=channel,
            method=_METHODS[method],
            threshold=low,
            core_threshold=_number(group, "HighThreshold", 0.8),
            core_channel=_whole(group, "CoreChannel", channel),
            sigma=(z, y, x),
            min_size=_whole(group, "MinSize", 10),
            max_size=_whole(group, "MaxSize", 1_000_000),
        )
    except SettingsError as error:
        raise group.damaged("", f"{error}") from error


def _whole(group: ProjectGroup, name: str, default: int) -> int:
    value = group.integer(name)
    return default if value is None else value


def _number(group: ProjectGroup, name: str, default: float, most: float = _MOST) -> float:
    stored = group.array(name, 1)
    if stored is None or stored.size == 0:
        return default
    if stored.dtype.kind not in "biuf" or not abs(number := float(stored.ravel()[0])) <= most:
        raise group.damaged(name, f"expected a number of at most {most:g}, found {stored.ravel()[0]!r}")
    return number
