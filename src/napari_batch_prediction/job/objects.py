"""The settings by which objects are made of the probabilities of a class."""

from collections.abc import Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING, Annotated, Literal, Unpack

from pydantic import BeforeValidator, Field

from napari_batch_prediction.errors import SettingsError
from napari_batch_prediction.job import spelling
from napari_batch_prediction.job.options import Option
from napari_batch_prediction.job.settings import Settings, documented
from napari_batch_prediction.objects.settings import Thresholds
from napari_batch_prediction.wording import did_you_mean

if TYPE_CHECKING:
    from napari_batch_prediction.job.keywords import ObjectKeywords

_Share = Annotated[spelling.Real, Field(ge=0, le=1)]
_Size = Annotated[spelling.Real, Field(ge=0)]


@documented(1)
class ObjectSettings(Settings):
    """How objects are made of the probabilities of a class: the sources Objects and Object Table.

    Probabilities are smoothed and compared with the threshold; pixels that touch by a side (in 3D, a face) are one
    object. Then holes are filled, touching objects split, objects at the border removed, and sizes compared. The same
    settings as in ilastik's thresholding give the same objects.

    Examples
    --------
    >>> import napari_batch_prediction as nbp
    >>> cells = nbp.ObjectSettings("Nucleus", threshold=0.6, min_size=30, fill_holes=True)
    >>> job = nbp.BatchJob("nuclei.ilp", "nuclei_0*.png", ["Objects", "Object Table"], objects=cells)
    """

    object_class: Annotated[str | None, Option("CLASS")] = Field(
        None, title="Class", description="The class whose pixels are objects, by name or by number from 1."
    )
    threshold: Annotated[_Share, Option("P", parse=float, write=repr)] = Field(
        0.5, title="Threshold", description="The least probability of a pixel in an object, after smoothing."
    )
    core_threshold: Annotated[_Share | None, Option("P", parse=float, write=repr)] = Field(
        None,
        title="Core threshold",
        description="Hysteresis: keep only objects that hold a pixel of at least this probability. One threshold if "
        "not given.",
    )
    core_class: Annotated[str | None, Option("CLASS")] = Field(
        None,
        title="Core class",
        description="The class whose probability is compared with the core threshold; then the threshold is compared "
        "with the sum of both classes, as in ilastik. The class of the objects if not given.",
    )
    smoothing: Annotated[_Size, Option("SIGMA", parse=float, write=repr)] = Field(
        1.0,
        title="Smoothing",
        description="Standard deviation, in pixels, of the Gaussian that smooths probabilities first; 0 for none.",
    )
    min_size: Annotated[_Size, Option("N", parse=float, write=repr)] = Field(
        10.0, title="Smallest size", description="The smallest size of an object, in the unit of sizes."
    )
    max_size: Annotated[_Size | None, Option("N", parse=float, write=repr)] = Field(
        None, title="Largest size", description="The largest size of an object, in the unit of sizes; any if not given."
    )
    size_unit: Annotated[Literal["pixels", "physical"], Option(), BeforeValidator(spelling.lower)] = Field(
        "pixels",
        title="Sizes in",
        description="What sizes are in: numbers of pixels, or the area or volume in the unit of the file.",
    )
    fill_holes: Annotated[bool, Option()] = Field(
        False, title="Fill holes", description="Fill holes in objects: background that does not reach the border."
    )
    split: Annotated[_Size, Option("DEPTH", parse=float, write=repr)] = Field(
        0.0,
        title="Split",
        description="Split touching objects at necks (watershed on the distance transform): by how many pixels the "
        "radius of a neck is less than those of the parts on both sides; 0 to split nothing.",
    )
    border_objects: Annotated[Literal["keep", "remove"], Option(), BeforeValidator(spelling.lower)] = Field(
        "keep", title="Border", description="What to do about objects that touch the border of the image."
    )

    def __init__(self, object_class: str | None = None, **settings: "Unpack[ObjectKeywords]") -> None:
        super().__init__(object_class=object_class, **settings)

    # pydantic reads settings inside a job itself.
    __init__.__pydantic_base_init__ = True  # type: ignore[attr-defined]

    def for_classes(self, classes: Sequence[str]) -> Thresholds:
        """Return what makes objects, of a classifier with these classes.

        Raises
        ------
        SettingsError
            If no class is named or there is none of this name, or settings do not go together.
        """
        channel = _channel(self.object_class, classes, "object_class")
        has_core = self.core_threshold is not None
        if self.core_class is not None and not has_core:
            raise SettingsError(
                "A core class needs a core threshold: give both or none.",
                setting="core_threshold",
            )
        if self.split and find_spec("scipy") is None:
            raise SettingsError(
                'Splitting objects needs scipy. Install it: pip install "napari-batch-prediction[objects]". Or '
                "set split to 0.",
                setting="split",
            )
        return Thresholds(
            channel=channel,
            method="hysteresis" if has_core else "simple",
            threshold=self.threshold,
            **({"core_threshold": self.core_threshold} if self.core_threshold is not None else {}),
            core_channel=None if self.core_class is None else _channel(self.core_class, classes, "core_class"),
            sigma=self.smoothing,
            min_size=self.min_size,
            max_size=self.max_size,
            size_unit=self.size_unit,
            fill_holes=self.fill_holes,
            split=self.split,
            keep_border=self.border_objects == "keep",
        )


def _channel(name: str | None, classes: Sequence[str], setting: str) -> int:
    """Return the channel of a class, which is named, or numbered from 1."""
    listing = ", ".join(classes)
    if name is None:
        raise SettingsError(
            f"Objects are made of one class. Name it: {listing}.",
            setting=setting,
        )
    if classes.count(name) == 1:
        return classes.index(name)
    if name.isdecimal() and 1 <= int(name) <= len(classes):
        return int(name) - 1
    lower = [each.lower() for each in classes]
    if lower.count(name.strip().lower()) == 1:
        return lower.index(name.strip().lower())
    raise SettingsError(
        f"There is no class '{name}'{did_you_mean(name, classes)}. Choose one of: {listing}, or its number from 1.",
        setting=setting,
    )
