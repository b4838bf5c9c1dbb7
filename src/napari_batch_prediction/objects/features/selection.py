"""The features of objects that are to be computed, and in which order a forest takes them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, Self

import numpy as np

from napari_batch_prediction.errors import ProjectError
from napari_batch_prediction.objects.features.names import (
    DEFAULT,
    FEATURES,
    STANDARD,
    WITH_NEAR,
    Feature,
    column_titles,
    is_local,
    width,
)


class Column(NamedTuple):
    """A column of a forest's features."""

    feature: Feature
    number: int
    title: str


@dataclass(frozen=True)
class ObjectFeatures:
    """Features of objects.

    Attributes
    ----------
    features
        The features, sorted by plugin and name as their columns are.
    margin
        Pixels around an object's box that belong to its neighbourhood, along x, y and, if given, z.
    """

    features: tuple[Feature, ...]
    margin: tuple[int, ...] = ()

    @classmethod
    def make(
        cls, computed: Mapping[str, Mapping[str, Mapping[str, Any]]], names: Iterable[tuple[str, str]] | None = None
    ) -> Self:
        """Return features of a project.

        Parameters
        ----------
        computed
            By plugin and feature, the properties of all features that ilastik computes in this project. Of these
            the property ``margin`` counts: one number for all axes, or one for each of x, y and z. The largest of
            all features is the margin of each.
        names
            Pairs of plugin and feature; all that are computed if not given. ilastik's default features, which need
            no selection, are left out.

        Raises
        ------
        ProjectError
            If a feature is not one of ilastik's.
        """
        if names is None:
            names = [(plugin, name) for plugin, features in computed.items() for name in features]
        features = sorted({Feature(*pair) for pair in names if pair[0] != DEFAULT})
        for plugin, name in features:
            if name not in FEATURES.get(plugin, ()):
                raise ProjectError(
                    f"The project uses the feature '{name}' of '{plugin}', which is not one of the features of objects "
                    "known here: choose other features in ilastik, train and save the project."
                )
        properties = [values for features in computed.values() for values in features.values()]
        return cls(tuple(features), _largest([values["margin"] for values in properties if "margin" in values]))

    def present(self, n_channels: int, n_dims: int) -> tuple[Feature, ...]:
        """Return those features that images with so many channels and dimensions have."""
        return tuple(f for f in self.features if width(f, n_channels, n_dims) and not self._is_empty(f))

    def columns(self, n_channels: int, n_dims: int) -> list[Column]:
        """Return the columns of these features, in the order of a forest's."""
        return [
            Column(feature, number, text)
            for feature in self.present(n_channels, n_dims)
            for number, text in enumerate(column_titles(feature, n_channels, n_dims))
        ]

    def _is_empty(self, feature: Feature) -> bool:
        """Return True for a feature of pixels that no object has near it, as ilastik finds them with a margin of 0."""
        if feature.plugin != STANDARD or not is_local(feature.name):
            return False
        made = all if feature.name.endswith(WITH_NEAR) else any
        return not self.margin or not made(self.margin)


def _largest(margins: list[Any]) -> tuple[int, ...]:
    """Return the largest margin along each axis that all margins name."""
    if not margins:
        return ()
    lists = [np.atleast_1d(margin).astype(int).tolist() for margin in margins]
    lists = [margin * 3 if len(margin) == 1 else margin for margin in lists]
    return tuple(max(along) for along in zip(*lists, strict=False))
