"""Files of equal size as one image, stacked along an axis."""

import threading
import weakref
from collections import OrderedDict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Generic, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from napari_batch_prediction.disk import most_open_files
from napari_batch_prediction.errors import ImageMismatchError, ImageReadError
from napari_batch_prediction.images.base import Decoding, Image
from napari_batch_prediction.wording import count

StackAxis = Literal["z", "t", "c"]

Member = TypeVar("Member")

# Neighbouring tiles overlap by their context, so an open file is soon needed again. Some formats keep all pixels once
# they are read, and systems limit the number of open files.
_MOST_OPEN = 64
_MOST_OPEN_BYTES = 256 * 2**20

# All stacks together have a share of the files that the system lets the process open; each may have one.
_stacks: "weakref.WeakSet[StackImage]" = weakref.WeakSet()
_stacks_lock = threading.Lock()

# Warnings of so many files are shown.
_MOST_WARNINGS = 3


class StackImage(Image, Generic[Member]):
    """Images of equal axes, shape and type, stacked along one axis.

    An axis that they lack is added: ``t`` first, ``z`` before the other axes except ``t``, ``c`` last. An axis that
    they have joins them: ``c`` always, ``z`` and ``t`` if its extent is 1.

    Parameters
    ----------
    location
        The pattern or folder, as the user wrote it.
    members
        Locations of the images, as text or values, in order; at least one.
    along
        The axis.
    open_member
        Opens one member.

    Raises
    ------
    ImageMismatchError
        If members differ in axes, shape or type, or have more than one ``z`` or ``t`` along the axis.
    ImageReadError
        If a member cannot be opened.
    """

    def __init__(
        self, location: str, members: Sequence[Member], along: StackAxis, open_member: Callable[[Member], Image]
    ) -> None:
        self._members = tuple(members)
        self._open_member = open_member
        self._open: OrderedDict[int, Image] = OrderedDict()
        self._lock = threading.Lock()
        with _stacks_lock:
            _stacks.add(self)
        with open_member(members[0]) as first:
            self._expected = _facts(first)
            names = first.channel_names
            axes_known, sizes, units = first.axes_known, first.pixel_size, first.units
            origin = first.origin
            warnings = [f"{members[0]}: {text}" for text in first.warnings]
            parts = [*first.parts]
            n_bytes = first.dtype.itemsize * int(np.prod(first.shape))
            decoding = [first.decoding]
        axes, shape, dtype = self._expected
        if along in axes and along != "c" and shape[axes.index(along)] > 1:
            raise ImageMismatchError(
                f"'{location}' cannot be stacked along {along}: its files have that axis already, with axes '{axes}' "
                f"and shape {shape}. Stack along another axis, or give the axes of each file if these are wrong.",
                setting="axes",
            )
        self._most_open = min(max(_MOST_OPEN_BYTES // n_bytes, 1), _MOST_OPEN)
        all_names: list[str] = list(names)
        for member in self._members[1:]:
            with open_member(member) as image:
                self._check(location, member, image)
                all_names += image.channel_names
                warnings += [f"{member}: {text}" for text in image.warnings]
                parts += image.parts
                decoding.append(image.decoding)
        self._kept, *passing = (max(sizes) for sizes in zip(*decoding, strict=True))
        self._passing = sum(passing)
        self._is_new = along not in axes
        self._axis = _position(axes, along)
        self._each = 1 if self._is_new else shape[self._axis]
        total = self._each * len(self._members)
        if along == "c":
            # Channels without a name of their own are named after their files.
            has_names = self._each > 1 or len({*all_names}) == total
            names = tuple(all_names if has_names else _names(self._members))
        after = self._axis if self._is_new else self._axis + 1
        super().__init__(
            location,
            axes[: self._axis] + along + axes[after:],
            (*shape[: self._axis], total, *shape[after:]),
            dtype,
            axes_known=axes_known,
            pixel_size=sizes,
            units=units,
            origin=origin,
            channel_names=names,
            warnings=_shortened(warnings),
            parts=parts,
        )

    @property
    def decoding(self) -> Decoding:
        """The memory of the members that stay open; one thread at a time reads."""
        return Decoding(min(self._most_open, len(self._members)) * self._kept, self._passing)

    def _check(self, location: str, member: Member, image: Image) -> None:
        facts = _facts(image)
        if facts != self._expected:
            raise ImageMismatchError(
                f"'{location}' is no stack: '{member}' has {_describe(facts)}, but '{self._members[0]}' has "
                f"{_describe(self._expected)}. Leave it out, or stack files that are alike."
            )

    def _read(self, region: tuple[slice, ...]) -> NDArray:
        axis, each = self._axis, self._each
        start, stop = region[axis].start, region[axis].stop
        pixels = np.empty([s.stop - s.start for s in region], self.dtype)
        for number in range(start // each, -(-stop // each)):
            first = number * each
            low, high = max(start, first), min(stop, first + each)
            inside = () if self._is_new else (slice(low - first, high - first),)
            with self._lock:
                pixels_inside = self._member(number).read((*region[:axis], *inside, *region[axis + 1 :]))
            target = (*(slice(None),) * axis, slice(low - start, high - start))
            pixels[target] = np.expand_dims(pixels_inside, axis) if self._is_new else pixels_inside
        return pixels

    def _member(self, number: int) -> Image:
        """Return an open member; the least recently used are closed."""
        if number in self._open:
            self._open.move_to_end(number)
            return self._open[number]
        member = self._members[number]
        image = self._open_member(member)
        if _facts(image) != self._expected:
            image.close()
            raise ImageReadError(f"'{member}' has changed since it was opened first. Start again.")
        self._open[number] = image
        while len(self._open) > 1 and (len(self._open) > self._most_open or _n_open() > most_open_files() // 4):
            self._open.popitem(last=False)[1].close()
        return image

    def _release(self) -> None:
        with self._lock:
            for image in self._open.values():
                image.close()
            self._open.clear()


def _names(members: Sequence[object]) -> list[str]:
    """Return the names of files without their extensions, with the folder or file before them if they are equal."""
    paths = [Path(str(member)) for member in members]
    names = [path.stem for path in paths]
    are_distinct = len({*names}) == len(names)
    return names if are_distinct else [f"{path.parent.name}/{path.stem}" for path in paths]


def _n_open() -> int:
    with _stacks_lock:
        return sum(len(stack._open) for stack in _stacks)


def _shortened(warnings: list[str]) -> list[str]:
    more = len(warnings) - _MOST_WARNINGS
    return warnings if more <= 0 else [*warnings[:_MOST_WARNINGS], f"{count(more, 'more warning')} of its files."]


def _facts(image: Image) -> tuple[str, tuple[int, ...], np.dtype]:
    return image.axes, image.shape, image.dtype


def _describe(facts: tuple[str, tuple[int, ...], np.dtype]) -> str:
    axes, shape, dtype = facts
    return f"axes '{axes}', shape {shape} and type {dtype}"


def _position(axes: str, along: str) -> int:
    """Return the index of the axis, or the one to add it at."""
    if along in axes:
        return axes.index(along)
    if along == "c":
        return len(axes)
    return 1 if along == "z" and axes.startswith("t") else 0
