"""The trained regressors in a Cell Density Counting project."""

import numpy as np

from napari_batch_prediction.errors import ProjectError
from napari_batch_prediction.ilp.project import TRAIN_AGAIN
from napari_batch_prediction.ilp.reading.group import ProjectGroup
from napari_batch_prediction.pickles.read import MAX_BYTES
from napari_batch_prediction.pickles.regressors import StoredRegressors, read_regressors
from napari_batch_prediction.pickles.values import DamagedPickleError, ForeignPickleError

_WRAPPERS = "CountingWrappers"
_MAX_WRAPPERS = 16


def read_wrappers(applet: ProjectGroup) -> tuple[list[StoredRegressors], list[str]]:
    """Return the intact regressors, and a reason for each of the others.

    ilastik stores four wrappers, or by mistake only the last; each of them is complete.

    Raises
    ------
    ProjectError
        If one names something that no regressor needs, so that ilastik cannot have written it.
    """
    wrappers = applet.group(_WRAPPERS)
    intact: list[StoredRegressors] = []
    reasons: list[str] = []
    members = [name for name in wrappers.names() if name.startswith("wrapper")] if wrappers is not None else []
    if wrappers is None or not members:
        return intact, [f"there are none at {applet.name}/{_WRAPPERS}"]
    if len(members) > _MAX_WRAPPERS:
        raise applet.damaged(_WRAPPERS, f"expected 4 regressors, found {len(members)}")
    for name in members:
        try:
            intact.append(read_regressors(_stored_bytes(wrappers, name)))
        except ForeignPickleError as error:
            raise ProjectError(
                f"{applet.path} at {wrappers.name}/{name}: {error} If you know where the project comes from: "
                f"{TRAIN_AGAIN}"
            ) from error
        except DamagedPickleError as error:
            reasons.append(f"{name}: {str(error).rstrip('.')}")
    return intact, reasons


def _stored_bytes(wrappers: ProjectGroup, name: str) -> bytes:
    stored = wrappers.dataset(name)
    if stored is None or stored.size != 1 or stored.dtype.kind not in "VSO":
        raise wrappers.damaged(name, "expected the bytes of one regressor")
    if stored.dtype.itemsize > MAX_BYTES:
        raise DamagedPickleError(f"it has {stored.dtype.itemsize} bytes, and up to {MAX_BYTES} are read")
    values = wrappers.array(name, copies=2)
    value = None if values is None else values.ravel()[0]
    if isinstance(value, str):
        # h5py reads a text of variable length as bytes, or as text with other bytes than UTF-8 escaped.
        value = value.encode("utf-8", "surrogateescape")
    if values is None or not isinstance(value, (bytes, np.void)):
        raise wrappers.damaged(name, "expected the bytes of one regressor")
    return value if isinstance(value, bytes) else values.tobytes()
