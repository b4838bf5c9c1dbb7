"""The choice of a ledger's name, under its earlier name."""

from napari_batch_prediction.running.recorder import _new_path

__all__ = ["_new_path"]
