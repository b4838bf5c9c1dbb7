"""What makes objects of probabilities, as a value."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor, inf, isfinite, prod
from typing import Literal, get_args

from napari_batch_prediction.errors import SettingsError
from napari_batch_prediction.wording import either

Method = Literal["simple", "hysteresis", "ipht"]
"""Ways to tell objects from background: one threshold; objects that hold a core above a second threshold; or
identity-preserving hysteresis, in which each core grows into an object of its own."""

SizeUnit = Literal["pixels", "physical"]
"""What sizes are in: numbers of pixels, or the image's unit to the power of its dimensions."""


@dataclass(frozen=True, kw_only=True)
class Thresholds:
    """What makes objects of probabilities. The same settings as in ilastik give the same objects.

    Values are smoothed, compared with the threshold, and connected over the faces of pixels: 4 neighbours in 2D, 6 in
    3D. Then holes are filled, touching objects split, objects at the border left out, and sizes compared.

    Attributes
    ----------
    channel
        The channel of the values, from 0.
    method
        How objects are told from background.
    threshold
        The least value of a pixel in an object.
    core_threshold
        The least value of a pixel in a core; not for one threshold.
    core_channel
        The channel that cores are looked for in; ``channel`` if None. If it is another one, the threshold is compared
        with the sum of both.
    sigma
        Standard deviation of the Gaussian that smooths values first, in pixels: one number, or those along z, y and
        x. Nothing is smoothed, along no axis, if one of them is less than 0.1.
    min_size, max_size
        The smallest and the largest size of an object, which are both kept. The same sizes are those of cores.
    size_unit
        What these sizes are in.
    fill_holes
        True to fill holes: background that is not connected with the border of the image.
    split
        Two parts become two objects if the radius of the neck between them is less than that of each by more than
        this number of pixels; 0 to split nothing.
    keep_border
        False to leave out objects that touch the border of the image.
    """

    channel: int = 0
    method: Method = "simple"
    threshold: float = 0.5
    core_threshold: float = 0.8
    core_channel: int | None = None
    sigma: float | tuple[float, float, float] = 1.0
    min_size: float = 10.0
    max_size: float | None = None
    size_unit: SizeUnit = "pixels"
    fill_holes: bool = False
    split: float = 0.0
    keep_border: bool = True

    def __post_init__(self) -> None:
        for name, choices in (("method", get_args(Method)), ("size_unit", get_args(SizeUnit))):
            value = getattr(self, name)
            if value not in choices:
                raise SettingsError(f"{name} is {either(choices)}, got {value!r}.", setting=name)
        for name, value in (("channel", self.channel), ("core_channel", self.core_channel)):
            if value is not None and value < 0:
                raise SettingsError(f"{name} is the number of a channel, from 0, got {value!r}.", setting=name)
        for name in ("threshold", "core_threshold"):
            if not isfinite(getattr(self, name)):
                raise SettingsError(f"{name} is a number, got {getattr(self, name)!r}.", setting=name)
        self._check_sizes()
        if self.method == "ipht" and (self.fill_holes or self.split):
            name = "fill_holes" if self.fill_holes else "split"
            raise SettingsError(
                "Identity-preserving hysteresis keeps touching objects apart by itself: choose another method to fill "
                "holes or to split objects.",
                setting=name,
            )

    def _check_sizes(self) -> None:
        for sigma in self.sigmas:
            if not (isfinite(sigma) and sigma >= 0):
                raise SettingsError(f"sigma is a number of pixels, from 0, got {self.sigma!r}.", setting="smoothing")
        for name in ("min_size", "split"):
            value = getattr(self, name)
            if not (isfinite(value) and value >= 0):
                raise SettingsError(f"{name} is a number from 0, got {value!r}.", setting=name)
        if self.max_size is not None and not self.max_size >= self.min_size:
            raise SettingsError(
                f"The largest size of an object is at least the smallest, {self.min_size:g}, got {self.max_size:g}.",
                setting="max_size",
            )

    @property
    def sigmas(self) -> tuple[float, float, float]:
        """The standard deviations along z, y and x."""
        if isinstance(self.sigma, tuple):
            return self.sigma
        return (self.sigma, self.sigma, self.sigma)

    @property
    def channels(self) -> tuple[int, ...]:
        """The channels that are read."""
        if self.method == "simple" or self.core_channel in (None, self.channel):
            return (self.channel,)
        return (self.channel, int(self.core_channel or 0))

    def size_range(self, shape: Sequence[int], pixel_size: Sequence[float]) -> tuple[int, float]:
        """Return the smallest and the largest number of pixels of an object in a volume of this shape (z, y, x).

        Parameters
        ----------
        shape
            Extents along z, y and x; with one slice, physical sizes are areas.
        pixel_size
            Size of a pixel along z, y and x, in the image's unit.
        """
        one = 1.0 if self.size_unit == "pixels" else prod(pixel_size if shape[0] > 1 else pixel_size[1:])
        # What is a whole number of pixels stays so, whatever the last bit of the quotient.
        least = ceil(self.min_size / one - 1e-9)
        return least, inf if self.max_size is None else floor(self.max_size / one + 1e-9)
