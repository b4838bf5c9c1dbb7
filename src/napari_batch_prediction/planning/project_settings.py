"""The export settings in a project, applied to the exports of a job."""

from typing import Any

from napari_batch_prediction.classifiers.base import Classifier
from napari_batch_prediction.classifiers.description import Description
from napari_batch_prediction.errors import SettingsError
from napari_batch_prediction.job.export import Export
from napari_batch_prediction.job.job import BatchJob
from napari_batch_prediction.job.options import write_options


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
