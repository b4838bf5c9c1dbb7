"""The events of a run, under their earlier name."""

from napari_batch_prediction.records.events import *  # noqa: F403
