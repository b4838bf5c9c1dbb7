"""Reading of an image and its predictions, to be done in the background."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any, cast, get_args

import numpy as np
from napari.utils.colormaps import _accelerated_cmap

from napari_batch_prediction.classifiers.base import COUNT, TIME, Classifier, Source
from napari_batch_prediction.classifiers.derived import OBJECT_TABLE, OBJECTS
from napari_batch_prediction.classifiers.objects.classifier import ObjectClassification
from napari_batch_prediction.classifiers.objects.sources import IDENTITIES
from napari_batch_prediction.errors import BatchPredictionError, ImageReadError
from napari_batch_prediction.formats.common.planes import slice_axis
from napari_batch_prediction.images.base import Image
from napari_batch_prediction.images.memory import MemoryImage
from napari_batch_prediction.images.stack import StackAxis, StackImage
from napari_batch_prediction.job.job import BatchJob
from napari_batch_prediction.locations.inputs import open_image
from napari_batch_prediction.locations.location import Arrays, LayerNamed, absolute, parse
from napari_batch_prediction.objects.table import ObjectTable
from napari_batch_prediction.planning.exports import NamedExport
from napari_batch_prediction.planning.inputs.opening import full_location, input_settings, open_input
from napari_batch_prediction.planning.output import OutputPlan, plan_output
from napari_batch_prediction.planning.transform import ImageAxes, Transform
from napari_batch_prediction.records.ledger import LedgerRow
from napari_batch_prediction.widgets.canvas.grids import PixelGrid
from napari_batch_prediction.widgets.canvas.layer_data import RAW, LayerData, close_all, raw_layers
from napari_batch_prediction.widgets.canvas.pixels import Pixels, read_pixels
from napari_batch_prediction.widgets.canvas.predicted_layers import ORDER, Prediction, predicted_layers
from napari_batch_prediction.widgets.objects.numbers import KnownTables, ObjectNumbers, by_time
from napari_batch_prediction.widgets.objects.written import WrittenTable

PREVIEW = "(preview)"
"""The end of the names of layers that are no results of a run."""


@dataclass(frozen=True, kw_only=True)
class RowRequest:
    """An image of a job and its results, to be shown.

    Attributes
    ----------
    location, job
        The image, and the job with the settings to read it.
    arrays
        Images in memory, by location.
    exports
        The exports of the job, the final stage first (see :func:`final_first`); none to show the image alone.
    ended
        The row of the ledger; None while the image is not finished.
    predicted
        The predictions that are in memory, by the name of the export: values, and tables of objects.
    is_preview
        True if the predictions are no results of a run; the names of their layers say so.
    classifier
        The classifier of the run; None if it is not there any more, or is another one now.
    tables
        The tables of the batch that the run has written, by the name of the export.
    known
        The tables of objects of images that were shown before.
    """

    location: str
    job: BatchJob
    arrays: Arrays = field(default_factory=dict)
    exports: Collection[NamedExport] = ()
    ended: LedgerRow | None = None
    predicted: Mapping[str, Any] = field(default_factory=dict)
    is_preview: bool = False
    classifier: Classifier | None = None
    tables: Mapping[str, Path] = field(default_factory=dict)
    known: KnownTables = field(default_factory=KnownTables)

    @property
    def in_memory(self) -> bool:
        """True if the image is a layer of the viewer."""
        return LayerNamed.of(self.location) is not None


@dataclass(frozen=True)
class Loaded:
    """The layers of a row, read and ready for the viewer.

    Attributes
    ----------
    layers
        From the bottom up: the raw image, unless it is a layer already; values; density; probabilities, one layer
        a class; segmentation. Of several stages the final one is the highest.
    problems
        The reasons why outputs are missing, in words.
    """

    layers: list[LayerData]
    problems: tuple[str, ...] = ()


def final_first(exports: Collection[NamedExport], classifier: Classifier) -> tuple[NamedExport, ...]:
    """Return exports in the order of the classifier's sources: of several stages the final one comes first."""
    return tuple(sorted(exports, key=lambda export: classifier.sources.index(export.source.name)))


def load_row(
    request: RowRequest, grid: PixelGrid | None = None, present: Collection[tuple[object, ...]] = ()
) -> Loaded:
    """Read an image and its outputs, and make the layers that are missing.

    Parameters
    ----------
    request
        The row.
    grid
        The pixel grid of an image that is a layer of the viewer.
    present
        Keys of the layers on the viewer.

    Raises
    ------
    ImageReadError
        If the image cannot be read; no file stays open.
    """
    layers: list[LayerData] = []
    problems: list[str] = []
    try:
        location = parse(request.location, request.job.stack)
        stem = full_location(request.job, location).stem
        raw = open_input(request.job, location, request.arrays)
        grid = grid or PixelGrid.of(raw)
        if not request.in_memory:
            pixels = read_pixels(raw, grid.axes, input_settings(request.job, request.location).channels)
            layers += raw_layers(pixels, raw, grid, stem)
        predictions = _in_order(request, _predictions(request, raw, grid, problems))
        for prediction in predictions:
            layers += predicted_layers(prediction, grid, stem, note=PREVIEW if request.is_preview else "")
        _choose_visible(layers, predictions)
        for layer in layers:
            if layer.key not in present:
                layer.prepare()
    except BaseException:
        close_all(layers)
        raise
    return Loaded(layers, tuple(problems))


def _in_order(request: RowRequest, predictions: Iterable[Prediction]) -> list[Prediction]:
    """Return predictions from the bottom up: by style, and of the same style the final stage on top."""
    names = [export.source.name for export in request.exports]
    return sorted(predictions, key=lambda each: (ORDER.index(each.style), -names.index(each.source.name)))


def _choose_visible(layers: list[LayerData], predictions: list[Prediction]) -> None:
    """Hide all predictions but the topmost: together they would hide the image."""
    visible = (RAW, *(prediction.source.name for prediction in predictions[-1:]))
    for layer in layers:
        if layer.source not in visible:
            layer.options["visible"] = False


def _predictions(request: RowRequest, raw: Image, grid: PixelGrid, problems: list[str]) -> Iterator[Prediction]:
    """Yield the predictions, each source and channel once."""
    seen: set[tuple[str, int]] = set()
    for export in request.exports:
        if not export.is_image:
            continue
        name, source = export.name, export.source
        path = request.ended.outputs.get(name) if request.ended is not None else None
        if path is None and name not in request.predicted:
            continue
        output = plan_output(export, ImageAxes(raw.axes, raw.extents))
        if (transform := output.transform) is None:
            problems += map(str, output.problems)
            continue
        first, last = transform.region["c"]
        channels = {(source.name, i) for i in range(first, last)}
        if channels <= seen:
            continue
        try:
            if path is None:
                image = MemoryImage(name, request.predicted[name], transform.axes, axes_known="file")
                pixels = read_pixels(image, grid.axes)
            else:
                pixels = read_pixels(open_output(output.at(path), transform), grid.axes)
        except (BatchPredictionError, OSError) as error:
            problems.append(str(error))
            continue
        seen |= channels
        start = {key: start for key, start in transform.offset.items() if key != "c"}
        # Not the numbers of their classes, and no numbers that were scaled.
        has_numbers = export.of_objects and source.kind == "labels" and not (source.classes or transform.scaling)
        yield Prediction(
            source=source,
            channels=(first, last),
            pixels=pixels,
            start=start,
            counts=request.ended.counts if request.ended is not None else (),
            objects=_numbers(request, export, output, transform, pixels, raw, grid) if has_numbers else None,
        )


def _numbers(
    request: RowRequest,
    export: NamedExport,
    output: OutputPlan,
    transform: Transform,
    pixels: Pixels,
    raw: Image,
    grid: PixelGrid,
) -> ObjectNumbers | None:
    """Return how the numbers of the objects of an image are had; None if it is not known how many there are."""
    ended, labels = request.ended, pixels.levels[0][0]
    found = ended.tables.get(OBJECTS) if ended is not None else None
    if ended is None or found is None:
        return None
    location = parse(request.location, request.job.stack)
    of_table = [each for each in request.exports if each.source.name == OBJECT_TABLE]
    in_memory = [table for table in request.predicted.values() if isinstance(table, ObjectTable)]
    known = request.known.get((request.location, export.name))
    by_times = dict(zip(found.column(TIME), found.column(COUNT), strict=True))
    # A preview may have a few time points alone.
    counts = tuple(int(by_times.get(t) or 0) for t in range(raw.extents["t"]))
    path = ended.outputs.get(export.name)
    open_labels: Callable[[], Image] | None = None
    if isinstance(labels, np.ndarray):
        open_labels = partial(MemoryImage, export.name, labels, grid.axes, axes_known="file")
    elif path is not None:
        open_labels = partial(open_output, output.at(path), transform)
    is_whole = all(transform.region[key] == (0, raw.extents[key]) for key in "tzyx")
    classifier = request.classifier if isinstance(request.classifier, ObjectClassification) else None
    facts = classifier.describe() if classifier is not None else None
    return ObjectNumbers(
        counts=counts,
        class_colors=dict(zip(facts.classes, facts.class_colors, strict=True)) if facts is not None else {},
        known=known or next((by_time(table, len(counts)) for table in in_memory), ()),
        written=[
            WrittenTable(path=table, format=each.format)
            for each in of_table
            if (table := ended.outputs.get(each.name) or request.tables.get(each.name))
        ],
        image=absolute(str(location)),
        open_labels=open_labels if is_whole else None,
        open_image=partial(open_input, request.job, location, request.arrays),
        is_classified=export.source.name == IDENTITIES,
        classifier=classifier,
        start={key: transform.region[key][0] for key in "tzyx"},
        axes=grid.arranged,
        keep=partial(request.known.put, (request.location, export.name)),
    )


def open_output(output: OutputPlan, transform: Transform) -> Image:
    """Open an output.

    Parameters
    ----------
    output
        The output.
    transform
        The transform from the prediction to the output.

    Raises
    ------
    ImageReadError
        If the file is gone or damaged.
    """
    path, export_format = output.path, output.export.format
    if export_format.slices is not None:
        along = slice_axis(transform.axes, transform.shape)
        if along not in get_args(StackAxis):
            raise ImageReadError(f"{path} is a sequence along {along}, which cannot be shown as one image.")
        extents = {key: n for key, n in zip(transform.axes, transform.shape, strict=True) if key != along}

        def open_slice(location: str) -> Image:
            return _open(location, "".join(extents), tuple(extents.values()))

        return StackImage(str(path), list(map(str, output.files)), cast("StackAxis", along), open_slice)
    location = f"{path}/{output.export.settings.internal_path}" if export_format.has_internal_path else str(path)
    return _open(location, transform.axes, transform.shape)


def _open(location: str, axes: str, shape: tuple[int, ...]) -> Image:
    """Open a file; if it does not store its axes, with those it was written with."""
    image = open_image(location)
    if image.axes_known != "guess":
        return image
    # Some formats leave out axes of extent 1.
    long = "".join(key for key, n in zip(axes, shape, strict=True) if n > 1 or key in "yx")
    fitting = (keys for keys in (axes, long, long.replace("c", "")) if len(keys) == len(image.shape))
    written = next(fitting, image.axes)
    if written == image.axes:
        return image
    image.close()
    return open_image(location, written)


def warm_up() -> None:
    """Make layers of every kind and forget them: the first of each loads libraries and compiles for seconds."""
    pixels = Pixels((np.zeros((1, 2, 2), np.uint8),), ())
    grid = PixelGrid("yx")
    labels = Source(
        name="",
        kind="labels",
        dtype=np.dtype(np.uint8),
        channel_names=("",),
        classes=("",),
        class_colors=((0, 0, 0),),
    )
    for source in (labels, replace(labels, kind="image")):
        for layer in predicted_layers(Prediction(source=source, channels=(0, 1), pixels=pixels), grid, ""):
            layer.prepare()
    _compile_colors_of_labels()


def _compile_colors_of_labels() -> None:
    """Compile napari's loops for the colours of labels, without a call of them: only the main thread may run them.

    They are that of classes, and that of numbers of objects, in the cycle of napari's colours or in a longer one.
    If napari has no such loops any more, the first labels wait for whatever it compiles instead.
    """
    # Imported here, since the window has to open before numba is loaded.
    import numba

    loop = getattr(_accelerated_cmap, "_labels_raw_to_texture_direct_inner_loop", None)
    if isinstance(loop, numba.core.dispatcher.Dispatcher):
        labels = np.zeros(1, np.uint8)
        numbers = numba.typed.Dict.empty(numba.types.uint8, numba.types.uint8)
        numbers[labels[0]] = labels[0]
        loop.compile(tuple(map(numba.typeof, (labels, numbers, labels))))
    loop = getattr(_accelerated_cmap, "_zero_preserving_modulo_inner_loop", None)
    if isinstance(loop, numba.core.dispatcher.Dispatcher):
        for n_dims, dtype in product((1, 2), (np.uint8, np.uint16)):
            labels = np.zeros((1,) * n_dims, np.uint32)
            loop.compile(tuple(map(numba.typeof, (labels, 1, 0, labels.astype(dtype)))))
