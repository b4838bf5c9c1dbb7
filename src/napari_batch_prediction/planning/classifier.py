"""The classifier of a job: loaded, read, or in no file yet; a second one that it needs; what its project exports."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from napari_batch_prediction.classifiers.base import Classifier
from napari_batch_prediction.classifiers.description import Description
from napari_batch_prediction.classifiers.load import load_classifier
from napari_batch_prediction.classifiers.objects.classifier import ObjectClassification
from napari_batch_prediction.classifiers.pixel_classification import PixelClassification
from napari_batch_prediction.errors import ProjectError, SettingsError
from napari_batch_prediction.images.second import PREDICTION_MAPS
from napari_batch_prediction.job.export import Export
from napari_batch_prediction.job.in_memory import UNSAVED
from napari_batch_prediction.job.job import BatchJob
from napari_batch_prediction.job.options import write_options
from napari_batch_prediction.locations.location import Location
from napari_batch_prediction.planning.inputs.second import is_project
from napari_batch_prediction.planning.provenance import file_hash


def with_classifier(job: BatchJob, classifier: Classifier | None) -> tuple[BatchJob, Classifier]:
    """Return a job, with the file of its classifier if that was saved since, and the classifier.

    Parameters
    ----------
    job
        The job.
    classifier
        The job's classifier; the one that the job has in memory, or read from its file, if None.

    Raises
    ------
    ProjectError
        If the file cannot be used.
    SettingsError
        If the classifier is in no file, and not in the job; or its file has changed since it was loaded.
    """
    own = job.in_memory.classifier
    if classifier is None and own is not None and not own.is_current:
        raise SettingsError(
            f"The classifier {own.path} has changed since it was loaded. Load it again, or give its path.",
            setting="classifier",
            path=own.path,
        )
    classifier = classifier or own
    if job.classifier == UNSAVED:
        if classifier is None:
            raise SettingsError(
                "The classifier of this job is in no file, and only the job that was made with it has it. Save the "
                "classifier, and use its file.",
                setting="classifier",
            )
        if classifier.path is not None:
            job = job.model_copy(update={"classifier": classifier.path})
    classifier = classifier or load_classifier(job.classifier, job.structure_tensor)
    return job, classifier.with_structure_tensor(job.structure_tensor)


def with_pixel_classifier(job: BatchJob, classifier: Classifier) -> Classifier:
    """Return a classifier of objects with the pixel classification that the job names for its probabilities.

    Raises
    ------
    ProjectError
        If that cannot be used.
    SettingsError
        If it is no pixel classification, or they do not go together.
    """
    text = job.prediction_maps
    if text is None or not is_project(text) or not isinstance(classifier, ObjectClassification):
        return classifier
    try:
        pixels = load_classifier(Path(text), job.structure_tensor)
    except ProjectError as error:
        raise ProjectError(str(error), setting=PREDICTION_MAPS.field, path=error.path) from error
    if not isinstance(pixels, PixelClassification):
        raise SettingsError(
            f"'{text}' is '{pixels.workflow}', expected a project of Pixel Classification, which predicts the "
            "probabilities of which objects are made.",
            setting=PREDICTION_MAPS.field,
        )
    return classifier.with_pixels(pixels, f"probabilities of {file_hash(Path(text))}")


def require_saved(job: BatchJob, locations: Iterable[Location]) -> None:
    """Raise :class:`SettingsError` if the classifier is in no file, and something is to be written to files."""
    if job.classifier != UNSAVED:
        return
    in_file = next((location for location in locations if not location.in_memory), None)
    folder = next((export.folder for export in job.exports if export.folder is not None), None)
    if in_file is not None or folder is not None:
        what = f"the results of '{in_file}'" if in_file is not None else f"results in '{folder}'"
        raise SettingsError(
            f"The classifier is in no file yet, and {what} are to be files, which say by which file they were made. "
            "Save the classifier first, as in classifier.save('cells.ilp').",
            setting="classifier",
        )


def classifier_hash(job: BatchJob) -> str:
    """Return the SHA-256 of the classifier's file, in hexadecimal; empty if it is in none."""
    return "" if job.classifier == UNSAVED else file_hash(job.classifier)


def with_project_settings(job: BatchJob, classifier: Classifier) -> BatchJob:
    """Return the job with the export settings of its project in its exports, if it asks for them.

    What an export says itself wins. Tables are left as they are: the settings are those of images.

    Raises
    ------
    SettingsError
        If the classifier has no such source, or settings in the project cannot be used.
    """
    if job.export_settings is None:
        return job
    exports = tuple(
        export if classifier.source(export.source).kind == "table" else with_stored(export, classifier.describe())
        for export in job.exports
    )
    return job.model_copy(update={"exports": exports, "export_settings": None})


def with_stored(export: Export, classifier: Description) -> Export:
    """Return an export with the settings in the project of a classifier, except those that it says itself.

    Raises
    ------
    SettingsError
        If settings in the project cannot be used.
    """
    own = {name: getattr(export, name) for name in export.model_fields_set}
    fields: dict[str, Any] = {**classifier.export, **own}
    if "dtype" in own or "output_range" in own:
        # Type and ranges belong together.
        fields |= {name: own.get(name) for name in ("dtype", "input_range", "output_range")}
    try:
        return Export.read(fields, "They cannot be used")
    except SettingsError as error:
        raise SettingsError(
            f"The export settings in {classifier.path}: {error} Give your own instead.", setting="export_settings"
        ) from None


def stored_text(classifier: Description) -> str:
    """Return the export settings in the project of a classifier as options of the command line; empty without any."""
    try:
        options = write_options(with_stored(Export(), classifier))
    except SettingsError as error:
        return str(error) if classifier.export else ""
    return " ".join(" ".join([name, *words]) for name, words in options.items())
