"""The rectangle in the viewer, and the pixels it stands for."""

import numpy as np
import pytest
from napari.components import ViewerModel
from napari.utils._test_utils import read_only_mouse_event
from napari.utils.interactions import mouse_move_callbacks, mouse_press_callbacks, mouse_release_callbacks

from napari_batch_prediction.errors import SettingsError
from napari_batch_prediction.widgets.exports.region import NAME, RegionLayer, enclosing, find_image

RECTANGLES = {
    "edges of pixels": ((9.5, 4.5), (29.5, 19.5), {"y": (10, 30), "x": (5, 20)}),
    "parts of pixels": ((9.4, 4.4), (29.6, 19.6), {"y": (9, 31), "x": (4, 21)}),
    "one pixel": ((3.0, 7.0), (3.1, 7.1), {"y": (3, 4), "x": (7, 8)}),
    "larger than the image": ((-100, -3), (1000, 1000), {"y": (0, 60), "x": (0, 50)}),
    "over an edge": ((50, 40), (80, 90), {"y": (50, 60), "x": (40, 50)}),
    "outside": ((100, 100), (120, 120), None),
    "outside, before": ((-20, 10), (-10, 20), None),
    "the wrong way round": ((29.5, 19.5), (9.5, 4.5), {"y": (10, 30), "x": (5, 20)}),
}

IMAGES = {
    "plane": {"data": np.zeros((60, 50))},
    "scaled": {"data": np.zeros((60, 50)), "scale": (0.325, 0.65), "units": ("um", "um")},
    "moved": {"data": np.zeros((60, 50)), "scale": (3, 0.1), "translate": (1000.5, -20)},
    "turned": {
        "data": np.zeros((60, 50)),
        "scale": (2, 3),
        "rotate": 30,
        "affine": [[1, 0.2, 5], [0, 1, 7], [0, 0, 1]],
    },
    "volume": {"data": np.zeros((5, 60, 50)), "scale": (2, 0.5, 0.25), "translate": (7, 8, 9)},
    "colours": {"data": np.zeros((60, 50, 3), np.uint8), "rgb": True, "scale": (2, 2)},
    "pyramid": {"data": [np.zeros((60, 50)), np.zeros((30, 25))], "multiscale": True, "scale": (2, 2)},
}


def corners(first, last) -> np.ndarray:
    return np.array([first, (first[0], last[1]), last, (last[0], first[1])])


@pytest.mark.parametrize("image", IMAGES.values(), ids=IMAGES.keys())
@pytest.mark.parametrize(("first", "last", "region"), RECTANGLES.values(), ids=RECTANGLES.keys())
def test_pixels_of_a_rectangle(image, first, last, region):
    """Every pixel that is touched belongs to the region; scale and place of the layers do not matter."""
    viewer = ViewerModel()
    layer = viewer.add_image(**image)
    shapes = viewer.add_shapes(ndim=2)
    in_world = [layer.data_to_world((*[0] * (layer.ndim - 2), *corner))[-2:] for corner in corners(first, last)]
    shapes.add_rectangles([np.array(in_world)])
    assert enclosing(shapes, layer) == region


@pytest.mark.parametrize("image", IMAGES.values(), ids=IMAGES.keys())
def test_a_region_is_drawn_where_it_is(image):
    """What is set is shown, and is the same region when it is read again."""
    viewer = ViewerModel()
    layer = viewer.add_image(**image)
    drawn = []
    region = RegionLayer(viewer, drawn.append)
    region.draw({"y": (10, 20), "x": (None, 7)}, None)
    assert region.region() == {"y": (10, 20), "x": (0, 7)}
    assert drawn == []
    shapes = viewer.layers[NAME]
    np.testing.assert_allclose(shapes.scale, layer.scale[-2:])
    assert shapes.units == layer.units[-2:]
    region.show({"y": (1, 2)})
    assert region.region() == {"y": (1, 2), "x": (0, 50)}
    region.show({"c": (0, 1)})
    assert region.region() is None
    assert len(shapes.data) == 0
    assert drawn == []


def test_what_is_enclosed_by_all_shapes():
    """Several shapes of any kind count together."""
    viewer = ViewerModel()
    layer = viewer.add_image(np.zeros((60, 50)))
    shapes = viewer.add_shapes(ndim=2)
    assert enclosing(shapes, layer) is None
    shapes.add_rectangles([corners((9.5, 4.5), (19.5, 9.5))])
    shapes.add_polygons([np.array([(39.5, 30), (20, 30.5), (20, 25)])])
    assert enclosing(shapes, layer) == {"y": (10, 40), "x": (5, 31)}


def drag(layer, first, last) -> None:
    """Draw with the mouse, in coordinates of the world."""

    def event(kind: str, position):
        return read_only_mouse_event(
            type=kind,
            is_dragging=kind == "mouse_move",
            position=position,
            dims_displayed=(0, 1),
            view_direction=None,
            up_direction=None,
            modifiers=(),
        )

    mouse_press_callbacks(layer, event("mouse_press", first))
    mouse_move_callbacks(layer, event("mouse_move", last))
    mouse_release_callbacks(layer, event("mouse_release", last))


def test_drawn_with_the_mouse():
    """The region is known when the button of the mouse is let go, once."""
    viewer = ViewerModel()
    viewer.add_image(np.zeros((60, 50)), scale=(2, 2))
    drawn = []
    region = RegionLayer(viewer, drawn.append)
    region.draw({}, None)
    drag(viewer.layers[NAME], (19, 9), (59, 39))
    assert drawn == [{"y": (10, 30), "x": (5, 20)}]


def test_what_is_being_drawn_stays():
    """Without a region nothing is taken away that was not one."""
    viewer = ViewerModel()
    viewer.add_image(np.zeros((60, 50)))
    region = RegionLayer(viewer, lambda region: None)
    region.draw({}, None)
    layer = viewer.layers[NAME]
    layer.add_rectangles([corners((100, 100), (120, 120))])
    region.show({})
    assert len(layer.data) == 1


def test_a_layer_that_is_gone_is_not_followed():
    """After it is removed, drawing makes a new one; after stop nothing is told any more."""
    viewer = ViewerModel()
    viewer.add_image(np.zeros((60, 50)))
    drawn = []
    region = RegionLayer(viewer, drawn.append)
    region.draw({}, None)
    first = viewer.layers[NAME]
    viewer.layers.remove(first)
    first.add_rectangles([corners((1, 1), (5, 5))])
    assert drawn == []
    region.draw({}, None)
    second = viewer.layers[NAME]
    assert second is not first
    second.add_rectangles([corners((1, 1), (5, 5))])
    assert drawn == [{"y": (1, 6), "x": (1, 6)}]
    region.stop()
    second.data = []
    second.add_rectangles([corners((2, 2), (5, 5))])
    assert len(drawn) == 1


def test_drawing_needs_a_flat_view_and_an_image():
    """In 3D nothing can be drawn, so the view becomes flat; without an image it says what to do."""
    viewer = ViewerModel()
    region = RegionLayer(viewer, print)
    with pytest.raises(SettingsError, match=r"There is no image in the viewer to draw on\. Open one first"):
        region.draw({}, None)
    assert list(viewer.layers) == []
    viewer.add_image(np.zeros((5, 60, 50)))
    viewer.dims.ndisplay = 3
    region.draw({}, None)
    assert viewer.dims.ndisplay == 2
    assert viewer.layers[NAME].ndim == 2


def test_region_is_drawn_on_the_selected_image():
    """The selected image, else the lowest; one that is as large as the images to be predicted before others."""
    viewer = ViewerModel()
    assert find_image(viewer) is None
    viewer.add_labels(np.zeros((9, 9), int))
    raw, cut = viewer.add_image(np.zeros((60, 50))), viewer.add_image(np.zeros((20, 10)))
    viewer.layers.selection.clear()
    assert find_image(viewer) is raw
    viewer.layers.selection.active = cut
    assert find_image(viewer) is cut
    assert find_image(viewer, {"y": 60, "x": 50}) is raw
    assert find_image(viewer, {"y": 1, "x": 1}) is cut
