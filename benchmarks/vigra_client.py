"""vigra in an interpreter of its own, which stays alive so that its rounds can take turns with others."""

import json
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray
from timing import Time

PYTHON = "/usr/bin/python3"
"""Debian's interpreter, for which the package python3-vigra is built."""

INSTALL = f"vigra: not found in {PYTHON}; install it with: apt-get install python3-vigra"


class VigraWorker:
    """A process that runs vigra on one thread and times itself.

    Raises
    ------
    ImportError
        If vigra is not installed.
    """

    def __init__(self) -> None:
        if not Path(PYTHON).exists():
            raise ImportError(INSTALL)
        script = Path(__file__).with_name("vigra_worker.py")
        self._process = subprocess.Popen(
            [PYTHON, "-I", str(script)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            self.version = str(self._answer()["version"])
        except RuntimeError as error:
            self.close()
            raise ImportError(f"{INSTALL} ({str(error).splitlines()[-1]})") from None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """End the process."""
        self._process.communicate()

    def load_forest(self, project: Path, rows: Path, applet: str = "PixelClassification") -> None:
        """Read the forests of a project that are in one group, and rows of features from a ``.npy`` file."""
        self._ask({"do": "forest", "project": str(project), "rows": str(rows), "applet": applet})
        self._answer()

    def load_features(self, image: Path, wanted: list[tuple[str, float]]) -> None:
        """Read an image from a ``.npy`` file; note the features wanted: ilastik's names and scales."""
        self._ask({"do": "features", "image": str(image), "wanted": wanted})
        self._answer()

    def load_objects(self, labels: Path, image: Path, names: Sequence[str]) -> None:
        """Read labels and an image from ``.npy`` files; note the features of objects wanted, by ilastik's names."""
        self._ask({"do": "objects", "labels": str(labels), "image": str(image), "names": list(names)})
        self._answer()

    def load_neighbourhoods(self, labels: Path, image: Path, names: Sequence[str], margin: int) -> None:
        """Do the same for features of the pixels around objects, in 2D."""
        files = {"labels": str(labels), "image": str(image)}
        self._ask({"do": "neighbourhoods", **files, "names": list(names), "margin": margin})
        self._answer()

    def load_classification(
        self, mask: Path, image: Path, names: Sequence[str], near: Sequence[str], margin: int, project: Path
    ) -> None:
        """Read a binary image and an image from ``.npy`` files, and the forest of a project that classifies objects.

        Parameters
        ----------
        mask, image
            The files.
        names, near
            Features of objects, and of the pixels around them within a margin.
        margin
            The margin.
        project
            The project.
        """
        files = {"mask": str(mask), "image": str(image), "project": str(project)}
        self._ask({"do": "classification", **files, "names": list(names), "near": list(near), "margin": margin})
        self._answer()

    def load_skeletons(self, labels: Path) -> None:
        """Read labels from a ``.npy`` file, whose skeletons are wanted."""
        self._ask({"do": "skeletons", "labels": str(labels)})
        self._answer()

    def load_training(
        self,
        scratch: Path,
        features: NDArray[np.float32],
        classes: NDArray[np.uint32],
        test: NDArray[np.float32],
        truth: NDArray[np.uint32],
        n_trees: int,
    ) -> None:
        """Read rows of features with their classes, from 1, to train on, and others with theirs, from 0, to test on."""
        for name, array in {"features": features, "classes": classes, "test": test, "truth": truth}.items():
            np.save(scratch / f"training_{name}.npy", array)
        self._ask({"do": "train", "folder": str(scratch), "n_trees": n_trees})
        self._answer()

    def share_wrong(self) -> float:
        """Return the share of test rows that the forest trained last gets wrong."""
        self._ask({"do": "wrong"})
        return float(str(self._answer()["wrong"]))

    def start(self) -> None:
        """Begin the loaded work."""
        self._ask({"do": "run"})

    def finish(self) -> Time:
        """Wait for the work to end and return its time."""
        answer = self._answer()
        return Time(float(str(answer["cpu"])), float(str(answer["wall"])))

    def run(self) -> Time:
        """Do the loaded work and return its time."""
        self.start()
        return self.finish()

    def result(self, scratch: Path) -> NDArray[np.float32]:
        """Return the result of the last run: probabilities (rows, classes), or features (n, ...)."""
        path = scratch / "vigra_result.npy"
        self._ask({"do": "save", "to": str(path)})
        self._answer()
        return np.load(path, allow_pickle=False)

    def _ask(self, command: Mapping[str, object]) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(command) + "\n")
        self._process.stdin.flush()

    def _answer(self) -> dict[str, object]:
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"vigra's process ended: {self._process.stderr.read()}")
        answer: dict[str, object] = json.loads(line)
        if "error" in answer:
            raise RuntimeError(f"vigra failed:\n{answer['error']}")
        return answer
