"""Reading ilastik's Cell Density Counting projects; nothing is unpickled, nothing is trained."""

from dataclasses import replace

from napari_batch_prediction.errors import ProjectError
from napari_batch_prediction.ilp.export_settings import read_export_settings
from napari_batch_prediction.ilp.features import read_selection
from napari_batch_prediction.ilp.labels import read_label_colors
from napari_batch_prediction.ilp.lanes import last_lane, read_lanes
from napari_batch_prediction.ilp.limits import MAX_FEATURES, MAX_NAME, MAX_SIGMA
from napari_batch_prediction.ilp.project import COUNTING, MAX_LABEL, TRAIN_AGAIN, CountingProject, Lane
from napari_batch_prediction.ilp.reading.file import ProjectFile
from napari_batch_prediction.ilp.reading.group import ProjectGroup
from napari_batch_prediction.ilp.regressors import read_wrappers
from napari_batch_prediction.ilp.tensor import tensor_formula_of_pickle
from napari_batch_prediction.pickles.machine import HIGHEST_PROTOCOL

_CLASSES = ("Foreground", "Background")


def read_counting_project(file: ProjectFile) -> CountingProject:
    """Read a Cell Density Counting project.

    If ilastik saved its regressors incompletely, the project has none, and the reason.

    Raises
    ------
    ProjectError
        If the file is not a project of this workflow, or cannot serve as a classifier even if trained again.
        The message gives the reason and the remedy.
    """
    if file.workflow != COUNTING:
        raise ProjectError(f"{file.path} is a project of the workflow '{file.workflow}', expected '{COUNTING}'.")
    lanes = read_lanes(file)
    image = last_lane(lanes)
    _check_dimensions(file, image)
    applet = file.group("Counting")
    if applet is None:
        raise ProjectError(
            f"{file.path} was saved before anything was counted: it has no group /Counting. {TRAIN_AGAIN}"
        )
    stored, reasons = read_wrappers(applet)
    selection = read_selection(file, "FeatureSelections", image, stored[0].n_features if stored else 0)
    if not selection.all_in_2d:
        raise ProjectError(
            f"{file.path} uses features that are computed in 3D, but counting is in 2D. Choose 2D features in "
            f"ilastik's 'Feature Selection'. {TRAIN_AGAIN}"
        )
    n_channels = image.extent("c") or max(1, stored[0].n_features // selection.n_features() if stored else 1)
    n_features = selection.n_features(n_channels)
    if n_features > MAX_FEATURES:
        raise file.damaged("Input Data", f"expected at most {MAX_FEATURES} features, found {n_features}")
    usable = [wrapper for wrapper in stored if wrapper.n_features == n_features]
    if stored and not usable:
        reasons.append(
            f"they were trained on {stored[0].n_features} features, but the feature selection gives {n_features}"
        )
    sigma = _read_sigma(applet)
    # Regressors that are trained here get features of today.
    formula = tensor_formula_of_pickle(file.version, usable[0].protocol if usable else HIGHEST_PROTOCOL)
    axes = counting_axes(image, n_channels)
    classes = applet.texts("LabelNames", MAX_LABEL, MAX_NAME) or _CLASSES
    return CountingProject(
        path=file.path,
        version=file.version,
        lanes=lanes,
        selection=replace(selection, structure_tensor=formula.value),
        formula=formula,
        axes=axes,
        export=read_export_settings(file, axes),
        n_channels=n_channels,
        dtype=image.dtype,
        classes=classes,
        class_colors=read_label_colors(applet, len(classes)),
        regressors=tuple(regressor for wrapper in usable for regressor in wrapper.regressors),
        unusable="" if usable else "; ".join(reasons),
        sigma=usable[0].sigma if usable and sigma is None else sigma,
    )


def counting_axes(image: Lane, n_channels: int) -> str:
    """Return the axes of a 2D training image with this many channels, in stored order."""
    stored = image.axes or "yxc"
    return "".join(key for key in stored if key in "yx" or (key == "c" and n_channels > 1))


def _check_dimensions(file: ProjectFile, image: Lane) -> None:
    for key, kind in (("z", "a volume (3D)"), ("t", "a time series")):
        extent = image.extent(key)
        # Without a stored shape, an axis may have extent 1.
        if extent not in (None, 1):
            shape = "x".join(map(str, image.shape or ()))
            raise ProjectError(
                f"{file.path} was trained on {kind} with the axes {image.axes} and the shape {shape}, but counting is "
                "trained on single 2D images. Train it in ilastik on 2D images and save the project."
            )


def _read_sigma(applet: ProjectGroup) -> float | None:
    stored = applet.array("Sigma", 1)
    if stored is None or stored.size != 1 or applet.attribute("Sigma", "isEmpty"):
        return None
    if stored.dtype.kind not in "iuf" or not 0 < stored.ravel()[0] <= MAX_SIGMA:
        raise applet.damaged("Sigma", f"expected a number of pixels, found {stored.ravel()[0]!r}")
    return float(stored.ravel()[0])
