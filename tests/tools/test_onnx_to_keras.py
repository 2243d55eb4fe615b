import numpy as np
import pytest

from ferlite.errors import ModelFormatError

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")
keras = pytest.importorskip("keras")

from onnx import TensorProto, helper, numpy_helper  # noqa: E402

from ferlite.tools.onnx_to_keras import rebuilt  # noqa: E402


def network(shape, nodes, outputs=("y",), **constants):
    """Make an ONNX network from the input "x" of a shape [1, c, h, w]."""
    graph = helper.make_graph(
        nodes,
        "test",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 12)], ir_version=7)


def both(published, outputs=("y",), seed=0):
    """Run a network in ONNX Runtime and as rebuilt in Keras, on noise; images as [1, h, w, c]."""
    shape = [dim.dim_value for dim in published.graph.input[0].type.tensor_type.shape.dim]
    x = np.random.default_rng(seed).normal(size=shape).astype(np.float32)
    session = onnxruntime.InferenceSession(published.SerializeToString(), providers=["CPUExecutionProvider"])
    theirs = [y.transpose(0, 2, 3, 1) if y.ndim == 4 else y for y in session.run(list(outputs), {"x": x})]
    pixels = keras.Input(batch_shape=(1, *shape[2:], shape[1]))
    built = rebuilt(published, pixels, outputs)
    ours = keras.tree.flatten(keras.Model(pixels, built.outputs)(x.transpose(0, 2, 3, 1)))
    return [np.asarray(y) for y in ours], theirs, built


def noise(*shape):
    return np.random.default_rng(sum(shape)).normal(size=shape).astype(np.float32)


@pytest.mark.parametrize("size", [(8, 10), (7, 9)])
@pytest.mark.parametrize(
    ("kernel", "options"),
    [
        (1, {"strides": [1, 1]}),
        (3, {"strides": [1, 1], "pads": [1, 1, 1, 1]}),
        (3, {"strides": [2, 2], "pads": [1, 1, 1, 1]}),
        (3, {"strides": [2, 2], "auto_pad": "SAME_UPPER"}),
        (2, {"strides": [1, 1], "auto_pad": "VALID"}),
        (3, {"strides": [1, 1], "pads": [2, 0, 1, 1]}),
    ],
)
@pytest.mark.parametrize("groups", [1, 4])
def test_a_convolution_gives_what_onnx_runtime_gives(size, kernel, options, groups):
    node = helper.make_node("Conv", ["x", "k", "b"], ["y"], group=groups, kernel_shape=[kernel] * 2, **options)
    ours, theirs, _ = both(network((1, 4, *size), [node], k=noise(4, 4 // groups, kernel, kernel), b=noise(4)))
    np.testing.assert_allclose(ours[0], theirs[0], atol=1e-5)


@pytest.mark.parametrize("size", [(8, 10), (7, 9)])
@pytest.mark.parametrize("padding", ["VALID", "SAME_UPPER"])
def test_pooling_gives_what_onnx_runtime_gives(size, padding):
    node = helper.make_node("MaxPool", ["x"], ["y"], kernel_shape=[3, 3], strides=[2, 2], auto_pad=padding)
    ours, theirs, _ = both(network((1, 4, *size), [node]))
    np.testing.assert_array_equal(ours[0], theirs[0])


def test_a_detector_s_neck_and_head_give_what_onnx_runtime_gives():
    nodes = [
        helper.make_node("MaxPool", ["x"], ["half"], kernel_shape=[2, 2], strides=[2, 2]),
        helper.make_node(
            "Resize", ["half", "roi", "scales"], ["twice"], mode="nearest",
            coordinate_transformation_mode="asymmetric", nearest_mode="floor",
        ),
        helper.make_node("Add", ["x", "twice"], ["sum"]),
        helper.make_node("Transpose", ["sum"], ["turned"], perm=[0, 2, 3, 1]),
        helper.make_node("Reshape", ["turned", "form"], ["flat"]),
        helper.make_node("Sigmoid", ["flat"], ["y"]),
    ]  # fmt: skip
    scales, form = np.array([1, 1, 2, 2], np.float32), np.array([1, -1, 3], np.int64)
    published = network((1, 3, 6, 8), nodes, roi=np.zeros(0, np.float32), scales=scales, form=form)
    ours, theirs, _ = both(published)
    assert theirs[0].shape == (1, 48, 3)
    np.testing.assert_allclose(ours[0], theirs[0], atol=1e-6)


def test_a_classifier_s_end_gives_what_onnx_runtime_gives():
    nodes = [
        helper.make_node("PRelu", ["x", "slope"], ["bent"]),
        helper.make_node("Transpose", ["bent"], ["turned"], perm=[0, 2, 3, 1]),
        helper.make_node("Flatten", ["turned"], ["flat"]),
        helper.make_node("MatMul", ["flat", "k"], ["product"]),
        helper.make_node("Add", ["product", "b"], ["dense"]),
        helper.make_node("PRelu", ["dense", "slopes"], ["relu"]),
        helper.make_node("Softmax", ["relu"], ["y"], axis=1),
    ]
    constants = {"slope": noise(1, 3, 1, 1), "k": noise(36, 5), "b": noise(5), "slopes": noise(5)}
    ours, theirs, built = both(network((1, 3, 3, 4), nodes, **constants))
    np.testing.assert_allclose(ours[0], theirs[0], atol=1e-6)
    assert (built.parameters, built.macs) == (3 + 36 * 5 + 5 + 5, 36 * 5)


def test_what_the_chosen_outputs_do_not_need_is_left_out():
    nodes = [
        helper.make_node("Relu", ["x"], ["relu"]),
        helper.make_node("Conv", ["relu", "k"], ["y"], kernel_shape=[1, 1], strides=[1, 1]),
        helper.make_node("Conv", ["relu", "other"], ["z"], kernel_shape=[1, 1], strides=[1, 1]),
        helper.make_node("Erf", ["relu"], ["unheard"]),
    ]
    published = network((1, 2, 4, 5), nodes, ("y", "z"), k=noise(3, 2, 1, 1), other=noise(7, 2, 1, 1))
    ours, theirs, built = both(published)
    np.testing.assert_allclose(ours[0], theirs[0], atol=1e-6)
    assert (built.parameters, built.macs) == (6, 6 * 4 * 5)
    assert both(published, ("z", "y"))[2].parameters == 6 + 14


@pytest.mark.parametrize(
    ("node", "message"),
    [
        (helper.make_node("Erf", ["x"], ["y"]), "operator Erf"),
        (helper.make_node("Transpose", ["x"], ["y"], perm=[0, 1, 3, 2]), "Transpose by"),
        (helper.make_node("Conv", ["x", "k"], ["y"], group=2, strides=[1, 1]), "2 groups of 4"),
        (helper.make_node("Conv", ["x", "k"], ["y"], dilations=[2, 2], strides=[1, 1]), "dilated"),
        (helper.make_node("Conv", ["x", "k"], ["y"], strides=[1, 2]), "stride 1 x 2"),
        (helper.make_node("Conv", ["x", "k"], ["y"], strides=[1, 1], auto_pad="SAME_LOWER"), "SAME_LOWER"),
        (
            helper.make_node("MaxPool", ["x"], ["y"], kernel_shape=[2, 2], strides=[2, 2], pads=[1] * 4),
            "MaxPool with pads",
        ),
        (helper.make_node("Resize", ["x", "roi", "scales"], ["y"], mode="linear"), "Resize other than"),
    ],
)
def test_what_has_no_keras_form_is_an_error_that_names_it(node, message):
    scales = np.array([1, 1, 2, 2], np.float32)
    published = network((1, 4, 6, 6), [node], k=noise(4, 2 if "group" in str(node) else 4, 3, 3), scales=scales)
    with pytest.raises(ModelFormatError, match=message):
        rebuilt(published, keras.Input(batch_shape=(1, 6, 6, 4)), ["y"])
