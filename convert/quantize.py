"""Step 3, quantize: a float32 TFLite graph in one of five schemes, with chosen layers left in float."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from litert_quantizer import algorithm_manager, qtyping, quantizer, recipe, recipe_manager

from ..models.record import Scheme
from .calibrate import Ranges
from .layers import Layer
from .quantizer_log import muted_quantizer

Recipe = list[dict[str, Any]]
"""Rules as litert-quantizer reads them; the last that matches a layer holds."""


def int8() -> Recipe:
    """Weights by channel and activations by tensor in int8, int8 in and out: the fastest and smallest.

    Not for a network whose activations reach far beyond their usual range: look at `inspection` first.
    """
    return recipe.static_wi8_ai8()


def int8_dynamic() -> Recipe:
    """Weights in int8; activations in float32, rounded to int8 anew for each inference by their own range.

    Needs no calibration. Not where time counts: ranges are found at run time and all layers between
    the products stay in float. Nor for an accelerator, which wants integers throughout.
    """
    return recipe.dynamic_wi8_afp32()


def int16x8() -> Recipe:
    """Weights in int8, activations in int16: what int8 weights alone cost.

    Not for deployment: XNNPACK takes none of it, so it is many times slower than float32. Use it as a
    reference when int8 loses accuracy: if this one does not, the activations are at fault.
    """
    return recipe.static_wi8_ai16()


def float16() -> Recipe:
    """Weights in float16, everything else in float32: half the size; only the weights are rounded.

    Not for speed or memory: the weights are widened to float32 when the model is loaded.
    """
    manager = recipe_manager.RecipeManager()
    halves = qtyping.TensorQuantizationConfig(num_bits=16, dtype=qtyping.TensorDataType.FLOAT)
    manager.add_quantization_config(
        regex=".*",
        operation_name=qtyping.TFLOperationName.ALL_SUPPORTED,
        op_config=qtyping.OpQuantizationConfig(
            weight_tensor_config=halves,
            compute_precision=qtyping.ComputePrecision.FLOAT,
            explicit_dequantize=True,
        ),
        algorithm_key=algorithm_manager.AlgorithmName.FLOAT_CASTING,
    )
    return manager.get_quantization_recipe()


def float32() -> Recipe:
    """The graph as it was exported: the reference for the other schemes.

    Not where size or time counts: four times the size of int8, and slower on every machine measured.
    """
    return []


SCHEMES: dict[Scheme, Callable[[], Recipe]] = {
    "int8": int8,
    "int8-dynamic": int8_dynamic,
    "int16x8": int16x8,
    "float16": float16,
    "float32": float32,
}
"""The schemes by name; each function says when not to use it."""

STATIC: tuple[Scheme, ...] = ("int8", "int16x8")
"""Those whose activations have the ranges that calibration found."""

FLOATING: tuple[Scheme, ...] = ("float16", "float32")
"""Those without integers."""


def quantize(graph: bytes, ranges: Ranges, scheme: Scheme = "int8", keep_float: Sequence[Layer] = ()) -> bytes:
    """Quantize a float graph.

    Args:
        graph: The float32 flatbuffer that was calibrated.
        ranges: From `calibrate`; not used by schemes with float activations.
        scheme: A key of `SCHEMES`.
        keep_float: Layers of `graph` to leave in float32.

    Returns:
        A TFLite flatbuffer; in int8 its input stays int8 whatever is kept in float.
    """
    rules = SCHEMES[scheme]()
    if not rules:
        return graph
    # The quantizer knows a layer by the name of its output with a semicolon behind it.
    rules = rules + [
        {
            "regex": f"^{re.escape(layer.output)};$",
            "operation": qtyping.TFLOperationName.ALL_SUPPORTED,
            "algorithm_key": algorithm_manager.AlgorithmName.NO_QUANTIZE,
            "op_config": {},
        }
        for layer in keep_float
    ]
    with muted_quantizer():
        work = quantizer.Quantizer(graph, rules)
        result: Any = work.quantize(ranges if work.need_calibration else None, enable_progress_report=False)
    return bytes(result.quantized_model)
