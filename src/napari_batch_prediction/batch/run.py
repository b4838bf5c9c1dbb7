"""Running a plan, under its earlier name."""

from napari_batch_prediction.running.run import iter_run, run_plan

__all__ = ["iter_run", "run_plan"]
