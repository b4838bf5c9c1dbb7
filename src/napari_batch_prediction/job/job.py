"""The job: classifier, inputs, exports and settings of a batch."""

import os
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self, Unpack

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, PrivateAttr, model_validator
from pydantic.functional_validators import ModelWrapValidatorHandler

from napari_batch_prediction.features.selection import StructureTensor
from napari_batch_prediction.images.stack import StackAxis
from napari_batch_prediction.job import spelling
from napari_batch_prediction.job.export import Export
from napari_batch_prediction.job.in_memory import NOTHING, InMemory
from napari_batch_prediction.job.inputs import (
    Channels,
    InputSettings,
    absolute_seconds,
    channel_list,
    join_names,
    split_names,
    whole,
)
from napari_batch_prediction.job.objects import ObjectSettings
from napari_batch_prediction.job.options import Option
from napari_batch_prediction.job.settings import Settings, documented
from napari_batch_prediction.job.spelling import parse_size
from napari_batch_prediction.job.typed import as_fields
from napari_batch_prediction.wording import count, shortened

if TYPE_CHECKING:
    from napari_batch_prediction.classifiers.base import Classifier
    from napari_batch_prediction.job.keywords import JobKeywords
    from napari_batch_prediction.planning.plan import Plan
    from napari_batch_prediction.records.events import Event
    from napari_batch_prediction.records.ledger import Ledger

LEAST_MEMORY = 2**29
"""The least memory with which a batch can run, in bytes: the libraries alone take half of it."""

_NOT_GIVEN: Any = object()

Existing = Literal["error", "skip", "overwrite"]


def _size(value: Any) -> Any:
    return parse_size(value) if isinstance(value, str) else value


def _enough(value: int | None) -> int | None:
    if value is not None and value < LEAST_MEMORY:
        given = f"{value / 10**6:.4g} MB" if value >= 10**6 else count(value, "byte")
        raise ValueError(f"{given} is too little: the smallest that works is 512MiB (537 MB)")
    return value


def _some(value: Any) -> Any:
    if not isinstance(value, tuple | list):
        shown = shortened(repr(value), _LONGEST)
        raise ValueError(f"a path, a pattern or an image is expected, or a list of these, got {shown}")
    return value


_LONGEST = 60

_Memory = Annotated[spelling.Whole | None, BeforeValidator(_size), AfterValidator(_enough)]


@documented(3)
class BatchJob(Settings):
    """A whole batch as frozen data, the same in the window, in Python and on the command line.

    A loaded classifier, arrays and layers stay in memory beside the data, which name them: ``array:NAME`` and
    ``layer:NAME`` among the inputs. They are not part of the job as JSON, nor when jobs are compared.

    Examples
    --------
    >>> import napari_batch_prediction as nbp
    >>> job = nbp.BatchJob("nuclei.ilp", "nuclei_0*.png", "Simple Segmentation", folder="masks")
    >>> for row in job.plan():
    ...     print(row.input, row.outputs["Simple Segmentation"].name)
    nuclei_01.png nuclei_01_Simple Segmentation.h5
    nuclei_02.png nuclei_02_Simple Segmentation.h5
    >>> ledger = job.run()
    >>> [row.status for row in ledger]
    ['done', 'done']

    An array gives its results in memory:

    >>> image = nbp.open_image("nuclei_01.png").read()
    >>> (row,) = nbp.BatchJob("nuclei.ilp", image, ["Probabilities", "Simple Segmentation"]).run()
    >>> {name: values.shape for name, values in row.arrays.items()}
    {'Probabilities': (512, 512, 3), 'Simple Segmentation': (512, 512)}
    """

    also: ClassVar[Mapping[str, str]] = {
        "folder": "Folder to write to, for all exports that do not say one; beside each image if not given.",
        "format": "Format of the files, for all exports that do not say one.",
    }

    classifier: Path = Field(description="The classifier: an ilastik project file (.ilp).")
    inputs: Annotated[tuple[str, ...], BeforeValidator(_some)] = Field(
        description="Images, folders, patterns (data/**/*.tif), lists (.txt, .csv), or files with a dataset after them "
        "(scan.h5/volume)."
    )
    exports: tuple[Export, ...] = Field((Export(),), min_length=1, description="What to write for every input.")
    input_axes: Annotated[spelling.Axes | None, Option("AXES")] = Field(
        None, description="Axes of every input, for example tyx, instead of the file's own or a guess."
    )
    stack: Annotated[StackAxis | None, Option(name="stack-along"), BeforeValidator(spelling.lower)] = Field(
        None, description="Make each pattern or folder one image: its files, stacked along this axis."
    )
    channels: Annotated[
        Channels | None, Option("C", parse=split_names, write=join_names), BeforeValidator(channel_list)
    ] = Field(
        None,
        min_length=1,
        description="Channels to use of every input, by name or index from 0, for example 0,2 or DAPI,GFP; all if not "
        "given.",
    )
    input_settings: dict[str, InputSettings] = Field(
        default_factory=dict, description="Settings of single images, by the location that the plan names."
    )
    mask: Annotated[str | None, Option("MASK"), BeforeValidator(spelling.path)] = Field(
        None,
        title="Mask",
        description="Predict only where a mask is not 0; other pixels are 0 in every result. One file for all images, "
        "a folder or pattern of files that have the names of the images in theirs, or a template that begins at the "
        "folder of the image, such as {stem}_mask.tif or {folder}/masks/{stem}.h5/mask.",
    )
    outside_mask: Annotated[Literal["nothing", "ilastik"], Option(), BeforeValidator(spelling.lower)] = Field(
        "nothing",
        description="What pixels outside the mask are: 0 in every result, or as in ilastik, which has 1 there in "
        "Simple Segmentation and Uncertainty, features everywhere, and takes no notice of masks in Autocontext.",
    )
    prediction_maps: Annotated[str | None, Option("MAPS"), BeforeValidator(spelling.path)] = Field(
        None,
        title="Probabilities",
        description="The probabilities of which a classifier of objects makes its objects: files, named as masks are, "
        "for example {stem}_Probabilities.h5; or a project of Pixel Classification (.ilp) that predicts them.",
    )
    segmentation_image: Annotated[str | None, Option("IMAGES"), BeforeValidator(spelling.path)] = Field(
        None,
        title="Binary image",
        description="The binary images that a classifier of objects takes, named as masks are.",
    )
    label_image: Annotated[str | None, Option("IMAGES"), BeforeValidator(spelling.path)] = Field(
        None,
        title="Label image",
        description="The label images that a classifier of objects takes, named as masks are.",
    )
    objects: ObjectSettings = Field(
        default_factory=ObjectSettings,
        description="How objects are made of probabilities, for Objects and Object Table.",
    )
    structure_tensor: Annotated[StructureTensor | None, Option(), BeforeValidator(spelling.lower)] = Field(
        None,
        description="Which Gaussian of the feature Structure Tensor Eigenvalues has the feature's scale; the other "
        "has half of it: that of the gradient, as in ilastik up to 1.2, or that of the integration, as in later ones. "
        "Told from the project, and by its training images where that leaves it open, if not given.",
    )
    export_settings: Annotated[Literal["project"] | None, Option(), BeforeValidator(spelling.lower)] = Field(
        None,
        description="Take the export settings that ilastik stored in the project (type, ranges, axes, format, folder, "
        "name, region) where an export says nothing itself.",
    )
    existing: Annotated[Existing, Option(), BeforeValidator(spelling.lower)] = Field(
        "error",
        description="What to do about outputs that exist. Skipped are only those that say they were made by the same "
        "classifier, settings and versions.",
    )
    ledger: Annotated[Path | Literal[False] | None, Option("PATH")] = Field(
        None, description="File of the ledger; a new one beside the outputs if not given. In Python, False for none."
    )
    memory: Annotated[_Memory, Option("M", parse=parse_size)] = Field(
        None,
        description="Bytes the whole process may take, for example 4GiB, at least 512MiB; tiles are made smaller, or "
        "fewer, to stay below, and images that need more are refused. Not limited if not given.",
    )
    workers: Annotated[spelling.Whole | None, Option("N", parse=int)] = Field(
        None, ge=1, description="Number of threads; all cores if not given."
    )

    _in_memory: InMemory = PrivateAttr(default=NOTHING)

    def __init__(
        self,
        classifier: "str | os.PathLike[str] | Classifier | object" = _NOT_GIVEN,
        inputs: object = _NOT_GIVEN,
        exports: object = _NOT_GIVEN,
        **settings: "Unpack[JobKeywords]",
    ) -> None:
        given = {"classifier": classifier, "inputs": inputs, "exports": exports}
        super().__init__(**{name: value for name, value in given.items() if value is not _NOT_GIVEN}, **settings)

    # Fields are checked in one place, also those that come from JSON.
    __init__.__pydantic_base_init__ = True  # type: ignore[attr-defined]

    @model_validator(mode="wrap")
    @classmethod
    def _as_typed(cls, given: Any, make: ModelWrapValidatorHandler[Self]) -> Self:
        fields, in_memory = as_fields(given) if isinstance(given, Mapping) else (given, NOTHING)
        job = make(fields)
        if in_memory is not NOTHING:
            job._in_memory = in_memory
        return job

    @property
    def in_memory(self) -> InMemory:
        """What the job has in memory: a loaded classifier, and images."""
        return self._in_memory

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """Return the same job with some fields changed; these are checked as those of a new job are.

        Raises
        ------
        SettingsError
            If a field is unknown or not valid.
        """
        new = super().model_copy(update=update, deep=deep)
        if update:
            new._in_memory = self._in_memory.changed(new._in_memory, keep_classifier="classifier" not in update)
        return new

    def absolute(self) -> "BatchJob":
        """Return the same job with absolute paths, independent of the current folder."""
        exports = tuple(
            export.model_copy(update={"folder": Path(whole(os.fspath(export.folder)))}) if export.folder else export
            for export in self.exports
        )
        return self.model_copy(
            update={
                "classifier": Path(whole(os.fspath(self.classifier))),
                "inputs": tuple(map(whole, self.inputs)),
                "input_settings": {whole(name): settings.absolute() for name, settings in self.input_settings.items()},
                "exports": exports,
                **absolute_seconds(self),
                "ledger": self.ledger and Path(whole(os.fspath(self.ledger))),
            }
        )

    def for_input(self, location: str) -> "BatchJob":
        """Return the job for one input alone, given by its location in the plan, without what is in memory."""
        own = {name: settings for name, settings in self.input_settings.items() if name == location}
        # Without checks, as it is asked for each of thousands of images.
        job = BaseModel.model_copy(self, update={"inputs": (location,), "input_settings": own})
        job._in_memory = NOTHING
        return job

    def plan(self) -> "Plan":
        """Open every input, name every output and find every problem; nothing is written.

        Raises
        ------
        ProjectError
            If the classifier cannot be used.
        SettingsError
            If a source or format is unknown, a name template is not valid, or no input is given; or if results are to
            be files although the classifier is in none.
        """
        plan: Plan = _verbs().plan_job(self)
        return plan

    def run(
        self,
        on_event: "Callable[[Event], None] | None" = None,
        should_cancel: Callable[[], bool] | None = None,
        *,
        progress: Callable[[int, int], object] | None = None,
    ) -> "Ledger":
        """Plan and run the batch; inputs with problems fail alone.

        Parameters
        ----------
        on_event
            Called in the calling thread with every event as it happens.
        should_cancel
            Called between tiles; the run stops once it returns True.
        progress
            Called in the calling thread at the beginning and after each tile, with the number of tiles that are done
            and of all. The latter becomes smaller if an image fails.

        Returns
        -------
        The ledger, with a row for each input. Results of arrays and layers are in ``row.arrays``.
        """
        ledger: Ledger = _verbs().run_job(self, on_event, should_cancel, progress)
        return ledger


def _verbs() -> ModuleType:
    """Return the module of a job's verbs, imported by name: data do not depend on code that uses them."""
    return import_module("napari_batch_prediction.api.verbs")
