"""Reading, in the background, of an image and of what was predicted for it."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import cast, get_args

import numba
import numpy as np
from napari.utils.colormaps import _accelerated_cmap
from numpy.typing import NDArray

from napari_batch_prediction.classifiers.base import Classifier, Source
from napari_batch_prediction.errors import BatchPredictionError, ImageReadError
from napari_batch_prediction.formats.common.planes import slice_axis
from napari_batch_prediction.images.base import Image
from napari_batch_prediction.images.memory import MemoryImage
from napari_batch_prediction.images.stack import StackAxis, StackImage
from napari_batch_prediction.job.job import BatchJob
from napari_batch_prediction.locations.inputs import open_image
from napari_batch_prediction.locations.location import Arrays, LayerNamed, parse
from napari_batch_prediction.planning.exports import NamedExport
from napari_batch_prediction.planning.opening import full_location, input_settings, open_input
from napari_batch_prediction.planning.output import OutputPlan, plan_output
from napari_batch_prediction.planning.transform import ImageAxes, Transform
from napari_batch_prediction.records.ledger import LedgerRow
from napari_batch_prediction.widgets.canvas.layer_data import (
    ORDER,
    RAW,
    LayerData,
    Part,
    Place,
    close_all,
    part_layers,
    raw_layers,
)
from napari_batch_prediction.widgets.canvas.pixels import Pixels, read_pixels


@dataclass(frozen=True)
class ToShow:
    """One image of a job, and what there is to show of it.

    Attributes
    ----------
    location, job
        The image, and the job that says how it is read.
    arrays
        Images in memory, by location.
    exports
        What the job writes, the final stage first (see :func:`final_first`); empty to show the image alone.
    ended
        What became of the image; None if that is still open.
    predicted
        What was predicted for an image in memory, by the name of the export.
    is_running
        More may come: layers of what there is not yet are made ready, empty and hidden.
    """

    location: str
    job: BatchJob
    arrays: Arrays = field(default_factory=dict)
    exports: Collection[NamedExport] = ()
    ended: LedgerRow | None = None
    predicted: Mapping[str, NDArray] = field(default_factory=dict)
    is_running: bool = False

    @property
    def in_memory(self) -> bool:
        """Whether the image is a layer of the viewer."""
        return LayerNamed.of(self.location) is not None

    @property
    def sources(self) -> frozenset[str]:
        """What may be shown: the sources, and the image itself."""
        return frozenset({RAW, *(named.source.name for named in self.exports)})


@dataclass(frozen=True)
class Loaded:
    """What was read of a row.

    Attributes
    ----------
    layers
        From the bottom up: the raw image, unless it is a layer already; values; density; probabilities, one layer
        a class; segmentation. Of each the final stage is the highest.
    problems
        What could not be read, in words.
    """

    layers: list[LayerData]
    problems: tuple[str, ...] = ()


def final_first(exports: Collection[NamedExport], classifier: Classifier) -> tuple[NamedExport, ...]:
    """Return exports in the order of the classifier's sources: the final stage, if there are several, is the first."""
    return tuple(sorted(exports, key=lambda named: classifier.sources.index(named.source.name)))


def load_row(what: ToShow, place: Place | None = None, present: Collection[tuple[object, ...]] = ()) -> Loaded:
    """Read an image and its outputs, and make the layers that are not there yet.

    Parameters
    ----------
    what
        What is to be shown.
    place
        Where the image is in the viewer, if it is a layer.
    present
        Keys of the layers that are there.

    Raises
    ------
    ImageReadError
        If the image cannot be read; no file stays open then.
    """
    layers: list[LayerData] = []
    problems: list[str] = []
    try:
        location = parse(what.location, what.job.stack)
        stem = full_location(what.job, location).stem
        raw = open_input(what.job, location, what.arrays)
        place = place or Place.of(raw)
        if not what.in_memory:
            pixels = read_pixels(raw, place.order, input_settings(what.job, what.location).channels)
            layers += raw_layers(pixels, raw, place, stem)
        parts = _in_order(what, _parts(what, raw, place, problems))
        for part in parts:
            layers += part_layers(part, place, stem)
        _choose_visible(layers, parts)
        for layer in layers:
            if layer.key not in present:
                layer.make()
    except BaseException:
        close_all(layers)
        raise
    return Loaded(layers, tuple(problems))


def _in_order(what: ToShow, parts: Iterable[Part]) -> list[Part]:
    """Return the parts from the bottom up: by what they are, and of the same kind the final stage on top."""
    names = [named.source.name for named in what.exports]
    return sorted(parts, key=lambda part: (ORDER.index(part.shown), -names.index(part.source.name)))


def _choose_visible(layers: list[LayerData], parts: list[Part]) -> None:
    """Hide all predictions but the topmost: together they would hide the image."""
    for layer in layers:
        if layer.source not in (RAW, parts[-1].source.name if parts else RAW):
            layer.options["visible"] = False


def _parts(what: ToShow, raw: Image, place: Place, problems: list[str]) -> Iterator[Part]:
    """Yield what there is of each source; one that is exported twice only once."""
    seen: set[tuple[str, int]] = set()
    for named in what.exports:
        if named.is_table:
            continue
        name, source = named.name, named.source
        path = what.ended.outputs.get(name) if what.ended is not None else None
        is_empty = path is None and name not in what.predicted
        if is_empty and (what.in_memory or not what.is_running):
            continue
        output = plan_output(named, ImageAxes(raw.axes, raw.extents))
        if (transform := output.transform) is None:
            problems += map(str, output.problems)
            continue
        first, last = transform.region["c"]
        channels = {(source.name, i) for i in range(first, last)}
        if channels <= seen:
            continue
        try:
            if is_empty:
                pixels = no_pixels(transform, place.order)
            elif path is None:
                pixels = read_pixels(
                    MemoryImage(name, what.predicted[name], transform.axes, axes_known="file"), place.order
                )
            else:
                pixels = read_pixels(open_output(output.at(path), transform), place.order)
        except (BatchPredictionError, OSError) as error:
            problems.append(str(error))
            continue
        seen |= channels
        start = {key: start for key, start in transform.offset.items() if key != "c"}
        counts = what.ended.counts if what.ended is not None else ()
        yield Part(source, (first, last), pixels, start, counts, is_empty)


def no_pixels(transform: Transform, order: str) -> Pixels:
    """Return zeros in the shape of an output, without taking memory."""
    sizes = [stop - start for start, stop in (transform.region[key] for key in f"c{order}")]
    return Pixels((np.broadcast_to(np.zeros((), transform.dtype), sizes),), ())


def open_output(output: OutputPlan, transform: Transform) -> Image:
    """Open an output that was written.

    Parameters
    ----------
    output
        The output.
    transform
        What the export made of the prediction.

    Raises
    ------
    ImageReadError
        If it is not there any more, or is damaged.
    """
    path, form = output.path, output.export.format
    if form.slices is not None:
        along = slice_axis(transform.axes, transform.shape)
        if along not in get_args(StackAxis):
            raise ImageReadError(f"{path} is a sequence along {along}, which cannot be shown as one image.")
        each = {key: n for key, n in zip(transform.axes, transform.shape, strict=True) if key != along}

        def open_slice(location: str) -> Image:
            return _open(location, "".join(each), tuple(each.values()))

        return StackImage(str(path), list(map(str, output.files)), cast("StackAxis", along), open_slice)
    location = f"{path}/{output.export.settings.internal_path}" if form.has_internal_path else str(path)
    return _open(location, transform.axes, transform.shape)


def _open(location: str, axes: str, shape: tuple[int, ...]) -> Image:
    """Open a file, with the axes it was written with where it does not say them."""
    image = open_image(location)
    if image.axes_known != "guess":
        return image
    # Some formats leave out axes of extent 1.
    long = "".join(key for key, n in zip(axes, shape, strict=True) if n > 1 or key in "yx")
    found = next((keys for keys in (axes, long, long.replace("c", "")) if len(keys) == len(image.shape)), None)
    if found is None or found == image.axes:
        return image
    image.close()
    return open_image(location, found)


def warm_up() -> None:
    """Make layers of every kind and forget them: the first of each loads libraries and compiles for seconds."""
    pixels = Pixels((np.zeros((1, 2, 2), np.uint8),), ())
    place = Place("yx", {}, {}, {})
    labels = Source(
        name="",
        kind="labels",
        dtype=np.dtype(np.uint8),
        channel_names=("",),
        classes=("",),
        class_colors=((0, 0, 0),),
    )
    for source in (labels, replace(labels, kind="image")):
        for layer in part_layers(Part(source, (0, 1), pixels, {}), place, ""):
            layer.make()
    _compile_colors_of_labels()


def _compile_colors_of_labels() -> None:
    """Compile what napari gives labels their colours with; it runs in the main thread alone (:meth:`LayerData.make`).

    Where napari has it no more, or computes otherwise, the first labels take as long as that takes.
    """
    loop = getattr(_accelerated_cmap, "_labels_raw_to_texture_direct_inner_loop", None)
    if isinstance(loop, numba.core.dispatcher.Dispatcher):
        labels = np.zeros(1, np.uint8)
        numbers = numba.typed.Dict.empty(numba.types.uint8, numba.types.uint8)
        numbers[labels[0]] = labels[0]
        loop.compile(tuple(map(numba.typeof, (labels, numbers, labels))))
