"""What a classifier makes of a whole image in memory."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Unpack, cast

from napari_batch_prediction.classifiers.in_memory.predicting import predict_image

if TYPE_CHECKING:
    from napari_batch_prediction.classifiers.base import Classifier
    from napari_batch_prediction.classifiers.in_memory.finding import FoundObjects
    from napari_batch_prediction.job.keywords import ObjectKeywords

PROBABILITIES = "Probabilities"


class PredictsImages:
    """Predicts whole images into memory, and finds their objects: a part of every classifier."""

    def objects(
        self,
        image: Any,
        axes: str | None = None,
        object_class: str | None = None,
        *,
        workers: int | None = None,
        mask: Any = None,
        progress: Callable[[int, int], object] | None = None,
        **settings: "Unpack[ObjectKeywords]",
    ) -> "FoundObjects":
        """Return the objects of a class in an image, and a table with a row for each.

        Parameters
        ----------
        image, axes, workers, mask, progress
            See :meth:`predict`.
        object_class, **settings
            How objects are made; see :class:`~napari_batch_prediction.job.objects.ObjectSettings`.

        Returns
        -------
        ``labels`` and ``table``, which can be unpacked: the number of each pixel's object, with the axes of the image
        but ``c``, and the columns of the table by name.

        Raises
        ------
        AxesError, ImageReadError, ImageMismatchError
            As in :meth:`predict`.
        SettingsError
            If the settings do not fit the classifier, or it has no classes.

        Examples
        --------
        >>> import napari_batch_prediction as nbp
        >>> labels, table = nbp.load_classifier("nuclei.ilp").objects("nuclei_01.png", object_class="Nucleus")
        >>> labels.shape, labels.max() == table.n_objects
        ((512, 512), True)
        """
        from napari_batch_prediction.classifiers.in_memory.finding import find_objects
        from napari_batch_prediction.job.objects import ObjectSettings

        return find_objects(
            cast("Classifier", self), image, axes, ObjectSettings(object_class, **settings), workers, progress, mask
        )

    def predict(
        self,
        image: Any,
        axes: str | None = None,
        source: str = PROBABILITIES,
        workers: int | None = None,
        *,
        mask: Any = None,
        progress: Callable[[int, int], object] | None = None,
    ) -> Any:
        """Predict a whole image into memory.

        Parameters
        ----------
        image
            A numpy array, or one of another library, of real numbers; the path of a file; an opened image; an image
            layer of napari; or an xarray, whose dimensions ``t``, ``c``, ``z``, ``y`` and ``x`` are its axes.
        axes
            Its axis keys, for example ``"tyx"``; its own, or guessed from the shape by ilastik's rules, if None.
        source
            One of ``sources``.
        workers
            Number of threads; all cores if None.
        mask
            An image, given as one to predict is: only where it is not 0 pixels are predicted, all others are 0. It has
            the size of the image; a single time point or slice counts for all. Everything is predicted if None.
        progress
            Called after each tile, in the calling thread, with the number of tiles that are done and of all.

        Returns
        -------
        An array of the source's values, with the axes of the image. Sources with several values for a pixel
        (``"Probabilities"``, ``"Features"``) also have ``c``, at the end if the image has none; those with one value
        (``"Simple Segmentation"``, ``"Uncertainty"``, ``"Density"``) never have it. Of an xarray the result is one,
        with its coordinates. For a table (``"Counts"``), sums of its image source: one float64 for each time point,
        shape ``(t,)``, or a single one, shape ``()``, if the image has no ``t``.

        Raises
        ------
        AxesError
            If the axes do not fit the image.
        ImageReadError
            If a file cannot be read.
        ImageMismatchError
            If the image does not fit the classifier, or its values are complex or no numbers; if the mask does not fit
            the image.
        SettingsError
            If the source is unknown.
        """
        return predict_image(cast("Classifier", self), image, axes, source, workers, progress, mask)
