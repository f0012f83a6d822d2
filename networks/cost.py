"""What a torch module costs, seen while it runs: multiply-adds, memory access cost and weights.

Convolutions and matrix products count; element-wise operations, pooling and norms do not, as in the
paper. Needs torch and layer_cost alone: it also counts users' modules, under their own Python.
"""

from __future__ import annotations

import copy
import math
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from guideline_benchmarks.networks.layer_cost import (
    Cost,
    CountedLayer,
    LayerCost,
    convolution,
    counted_names,
    product,
)

_CONVOLUTIONS = ("convolution", "convolution_overrideable", "_convolution")
# Where the two matrices of a product stand among the arguments.
_PRODUCTS = {
    "addmm": 1, "mm": 0, "bmm": 0, "baddbmm": 1, "addbmm": 1, "mv": 0, "addmv": 1, "dot": 0,
    "vdot": 0, "linear": 0, "matmul": 0, "_addmm_activation": 1,
}  # fmt: skip
_ATTENTIONS = (
    "_scaled_dot_product_flash_attention_for_cpu",
    "_scaled_dot_product_flash_attention",
    "_scaled_dot_product_efficient_attention",
    "_scaled_dot_product_cudnn_attention",
    "_scaled_dot_product_fused_attention_overrideable",
)
# They multiply and add, too, and how much is not told by shapes alone, or not known here.
_UNCOUNTED = ("cdist", "_cdist_forward", "_trilinear", "conv_tbc", "_cudnn_rnn",
              "_thnn_fused_lstm_cell", "_thnn_fused_gru_cell", "_native_multi_head_attention",
              "_transformer_encoder_layer_fwd", "_int_mm", "_scaled_mm", "_weight_int8pack_mm",
              "_weight_int4pack_mm", "ormqr", "cholesky_solve")  # fmt: skip
_UNCOUNTED_BEGINNINGS = ("_fft", "linalg_", "_linalg", "mkldnn_linear")
# What fvcore counts of the same, by torch's names.
_FVCORE = ("_convolution", "addmm", "bmm", "baddbmm", "einsum", "linear", "matmul", "mm", "mv")
# Anything may happen in operators that are not torch's own.
_OWN = ("aten", "prim", "prims")


class _LayerRecorder(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Records every convolution and matrix product that runs, functional calls included."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.layers: list[CountedLayer] = []
        self.uncounted: list[str] = []
        self.inside = [""]
        self.weights = {_storage(tensor) for tensor in module.parameters()}

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        namespace, _, name = func._schema.name.partition("::")
        if namespace not in _OWN or name in _UNCOUNTED or name.startswith(_UNCOUNTED_BEGINNINGS):
            self.uncounted.append(func._schema.name)
        elif name in _CONVOLUTIONS:
            self.layers.append(self._convolution(args, result))
        elif name in _PRODUCTS:
            self.layers.append(self._product(name, args, result))
        elif name in _ATTENTIONS:
            self.layers.extend(self._attention(*args[:3]))
        elif name == "mkldnn_rnn_layer":
            self.layers.append(self._recurrent(args, result[0]))
        return result

    def _convolution(self, args: Any, y: torch.Tensor) -> CountedLayer:
        x, weight, transposed, groups = args[0], args[1], args[6], args[8]
        layer = LayerCost(
            c1=x.shape[1],
            c2=y.shape[1],
            groups=groups,
            kernel_area=math.prod(weight.shape[2:]),
            input_positions=math.prod(x.shape[2:]),
            output_positions=math.prod(y.shape[2:]),
            batch=x.shape[0],
            transposed=transposed,
        )
        kind = "transposed convolution" if transposed else "convolution"
        return convolution(self.inside[-1], kind, _shapes(x, weight), tuple(y.shape), layer)

    def _product(self, name: str, args: Any, y: torch.Tensor) -> CountedLayer:
        first = _PRODUCTS[name]
        a, b = args[first], args[first + 1]
        weights = sum(t.numel() for t in (a, b) if _storage(t) in self.weights)
        operands = _shapes(a, b)
        # Of a fused sum over a batch every product counts.
        out = (a.shape[0], *y.shape) if name == "addbmm" else tuple(y.shape)
        kind = "fully connected" if weights else "matrix product"
        return product(self.inside[-1], kind, operands, out, a.shape[-1], weights)

    def _attention(self, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor) -> list[CountedLayer]:
        """Return q·kᵀ and its product with v, of (…, tokens, width) each."""
        scores = (*q.shape[:-1], k.shape[-2])
        out = (*q.shape[:-1], v.shape[-1])
        name, kind = self.inside[-1], "attention"
        return [
            product(name, kind, _shapes(q, k), scores, q.shape[-1], 0),
            product(name, kind, (scores, tuple(v.shape)), out, v.shape[-2], 0),
        ]

    def _recurrent(self, args: Any, y: torch.Tensor) -> CountedLayer:
        """Return one direction of one layer, run over all steps: (steps, batch, width) to y."""
        x, of_inputs, of_states = args[:3]
        steps = math.prod(x.shape[:2])
        weights = of_inputs.numel() + of_states.numel()
        return CountedLayer(
            self.inside[-1],
            "recurrent layer",
            (tuple(x.shape), tuple(of_inputs.shape), tuple(of_states.shape)),
            (tuple(y.shape),),
            steps * weights,
            weights,
            y.numel(),
            x.numel() + y.numel() + weights,
        )


def _storage(tensor: torch.Tensor) -> int:
    """Return what tells the memory of a tensor, and of all views of it, from that of others."""
    return int(tensor.untyped_storage()._cdata)


def _shapes(a: torch.Tensor, b: torch.Tensor) -> tuple[tuple[int, ...], tuple[int, ...]]:
    return tuple(a.shape), tuple(b.shape)


@contextmanager
def _names(module: nn.Module, inside: list[str]) -> Iterator[None]:
    """Keep the name of the submodule that runs at the end of `inside`."""

    def entered(name: str) -> Any:
        return lambda *_: inside.append(name)

    def left(*_: Any) -> None:
        inside.pop()

    hooks = []
    for name, part in module.named_modules():
        if not isinstance(part, torch.jit.ScriptModule):
            hooks.append(part.register_forward_pre_hook(entered(name)))
            hooks.append(part.register_forward_hook(left))
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def counted(module: nn.Module, execute: Callable[[], object]) -> Cost:
    """Return the cost of what `execute` runs of a module, once.

    Layers that run more than once are listed as often. Raises whatever `execute` raises.
    """
    recorder = _LayerRecorder(module)
    fused = torch.backends.mha.get_fastpath_enabled()
    # Fused layers would hide what they multiply.
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        # In inference mode, convolutions are not taken apart far enough to be seen.
        names = _names(module, recorder.inside)
        with torch.inference_mode(False), torch.no_grad(), names, recorder:
            execute()
    finally:
        torch.backends.mha.set_fastpath_enabled(fused)
    parameters = list(module.parameters())
    return Cost(
        layers=tuple(recorder.layers),
        weights=sum(p.numel() for p in parameters),
        element_bytes=parameters[0].element_size() if parameters else 4,
        uncounted=counted_names(recorder.uncounted),
    )


def cost(module: nn.Module, input_shape: tuple[int, ...]) -> Cost:
    """Return the cost of `module` for one input of `input_shape`, batch first.

    Nothing is computed: the module is copied to torch's meta device, which knows shapes only.
    Raises whatever torch raises for a wrong shape.
    """
    shadow = copy.deepcopy(module).to("meta").eval()
    with torch.inference_mode(False):
        x = torch.empty(input_shape, device="meta")
    return counted(shadow, lambda: shadow(x))


def fvcore_multiply_adds(module: nn.Module, args: tuple[Any, ...]) -> int | None:
    """Return what fvcore counts of the same operators; None where it is not there or cannot trace.

    It adds batch norms and more otherwise, which the paper does not, and knows no fused attention.
    """
    try:
        from fvcore.nn import FlopCountAnalysis
        from fvcore.nn.flop_count import _DEFAULT_SUPPORTED_OPS
    except ImportError:
        return None
    handles = {
        name: handle
        for name, handle in _DEFAULT_SUPPORTED_OPS.items()
        if name.removeprefix("aten::") in _FVCORE
    }
    try:
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")
            analysis = FlopCountAnalysis(module, args)
            analysis.clear_op_handles().set_op_handle(**handles)
            analysis.unsupported_ops_warnings(False).uncalled_modules_warnings(False)
            return int(analysis.total())
    except Exception:
        return None
