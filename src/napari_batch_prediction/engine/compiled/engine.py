"""The compiled engine, and the tiles and memory that it wants. Nothing is compiled or imported before it prepares."""

from napari_batch_prediction.engine.base import ClassForest, Engine, Model, Predictor
from napari_batch_prediction.engine.regressors import ForestRegressor
from napari_batch_prediction.engine.tiles import Memory, TileLimits
from napari_batch_prediction.features.layout import DEEP, FLAT, MARGIN, block_size
from napari_batch_prediction.features.selection import FeatureSelection
from napari_batch_prediction.features.work_space import WORK_SIZE
from napari_batch_prediction.forest.trees import Tree
from napari_batch_prediction.simd.lanes import PATCH

# Bytes of a node and of a leaf's value in flat arrays.
_NODE, _VALUE = 16, 8


def _tree_bytes(tree: Tree, n_columns: int) -> int:
    """Return the size of a tree in flat arrays; half of its nodes are leaves."""
    return len(tree.feature) // 2 * (_NODE + _VALUE * n_columns)


class CompiledEngine(Engine):
    """Features and forest in one pass over a tile, on one core for each tile."""

    limits = TileLimits(
        most_bytes=3 * 2**25,
        least_bytes=2**22,
        worth_cutting=2**18,
        at_least=4,
        share_of_context=0.2,
        cut_rows_cost=1.1,
        margin=MARGIN,
        padding=80,
    )

    def memory(self, selection: FeatureSelection, n_channels: int, n_values: int) -> Memory:
        """Return the memory of a pixel (smoothed images, values, channels as they are and as float32) and a thread."""
        n_features = selection.n_features(n_channels)
        block = block_size(FLAT if selection.all_in_2d else DEEP)
        buffers = (n_features + 1 + 2 * n_values) * block + n_features * PATCH + WORK_SIZE
        images = len(selection.used_scales) * n_channels
        return Memory(4 * (images + n_values), 8 * n_channels, 4 * buffers)

    def model_bytes(self, model: Model) -> int:
        """Return twice the size of the flat arrays: their parts are joined."""
        if model is None:
            return 0
        if isinstance(model, ClassForest):
            return 2 * sum(_tree_bytes(tree, model.n_classes) for tree in model.trees)
        forests = [regressor.trees for regressor in model if isinstance(regressor, ForestRegressor)]
        return 2 * sum(_tree_bytes(tree, 1) for trees in forests for tree in trees)

    def prepare(self, selection: FeatureSelection, n_channels: int, model: Model = None) -> Predictor:
        """Return a predictor."""
        # Looking at a project and planning need none of what calls compiled loops.
        from napari_batch_prediction.engine.compiled import every  # noqa: F401  What is compiled together.
        from napari_batch_prediction.engine.compiled.predictor import CompiledPredictor

        return CompiledPredictor(selection, n_channels, model)


ENGINE: Engine = CompiledEngine()
