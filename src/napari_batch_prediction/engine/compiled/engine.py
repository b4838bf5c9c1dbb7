"""The compiled engine, and the tiles and memory that it wants. Nothing is compiled or imported before it prepares."""

from napari_batch_prediction.engine.base import Engine, Model, Predictor
from napari_batch_prediction.engine.tiles import Memory, TileLimits
from napari_batch_prediction.features.selection import FeatureSelection


class CompiledEngine(Engine):
    """Features and forest in one pass over a tile, on one core for each tile."""

    limits = TileLimits(
        most_bytes=3 * 2**25,
        base_bytes=2**28,
        least_bytes=2**22,
        worth_cutting=2**18,
        at_least=4,
        share_of_context=0.2,
        cut_rows_cost=1.1,
    )

    def memory(self, selection: FeatureSelection, n_channels: int) -> Memory:
        """Return the memory of a pixel: smoothed images; the channels as they are and as float32."""
        return Memory(4 * len(selection.used_scales) * n_channels, 8 * n_channels)

    def prepare(self, selection: FeatureSelection, n_channels: int, model: Model = None) -> Predictor:
        """Return a predictor."""
        # numba costs 0.3 s to import, which looking at a project and planning need not pay.
        from napari_batch_prediction.engine.compiled.predictor import CompiledPredictor

        return CompiledPredictor(selection, n_channels, model)


ENGINE: Engine = CompiledEngine()
