"""What a torch module costs, seen while it runs: multiply-adds, memory access cost and weights.

Convolutions and matrix products count; element-wise operations, pooling and norms do not, as in the
paper. Needs torch and layer_cost alone: it also counts users' modules, under their own Python.
"""

from __future__ import annotations

import copy
import math
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import torch
from torch import nn
from torch.nn.modules.module import register_module_forward_hook, register_module_forward_pre_hook
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
    "vdot": 0, "_addmm_activation": 1, "addmm_": 1, "baddbmm_": 1, "addbmm_": 1, "addmv_": 1,
}  # fmt: skip
_ATTENTIONS = (
    "_scaled_dot_product_flash_attention_for_cpu",
    "_scaled_dot_product_flash_attention",
    "_scaled_dot_product_efficient_attention",
    "_scaled_dot_product_cudnn_attention",
    "_scaled_dot_product_fused_attention_overrideable",
)
# They multiply and add, too, and how much is not told by shapes alone, or not known here; a name
# stands for all that begin so.
_BEGINNINGS = (
    "_cdist_forward _cholesky _conv_depthwise2d _cslt_ _cudnn_ _dyn_quant_ "
    "_efficient_attention_forward _euclidean_dist _fft_ _flash_attention_forward _foreach_mm "
    "_grouped_mm _linalg_det _linalg_eigh _linalg_eigvals _linalg_slogdet _linalg_solve "
    "_linalg_svd _lstm_mps _mixed_dtypes_linear _mkl_linear _mps_convolution "
    "_native_multi_head_attention _nnpack_ _pdist_forward _scaled_dot_product "
    "_scaled_grouped_mm _scaled_mm_ _slow_conv _sparse_addmm _sparse_mm _sparse_semi_structured "
    "_sparse_sparse_matmul _spsolve _transform_bias_rescale_qkv _transformer_encoder_layer_fwd "
    "_trilinear _triton_ _weight_int4pack_mm _weight_int8pack_mm _wrapped_ cholesky "
    "conv_depthwise3d conv_tbc cudnn_convolution fbgemm_ geqrf hspmm linalg_cholesky linalg_eig "
    "linalg_householder linalg_inv linalg_ldl linalg_lstsq linalg_lu linalg_matrix_exp "
    "linalg_pinv linalg_qr linalg_solve lu_solve lu_unpack miopen_ mkldnn_convolution "
    "mkldnn_linear mps_convolution orgqr ormqr quantized_gru quantized_lstm "
    "quantized_rnn slow_conv smm sparse_sampled_addmm sspaddmm thnn_conv triangular_solve"
)
_UNCOUNTED = tuple(_BEGINNINGS.split())
# What fvcore counts of the same, by torch's names.
_FVCORE = ("_convolution", "addmm", "bmm", "baddbmm", "einsum", "linear", "matmul", "mm", "mv")
_COUNTED = {*_CONVOLUTIONS, *_PRODUCTS, *_ATTENTIONS, "mkldnn_rnn_layer"}
# Anything may happen in operators that are not torch's own.
_OWN = ("aten", "prim", "prims")


class _LayerRecorder(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Records every convolution and matrix product that runs, functional calls included."""

    # Control flow that torch keeps as one operator is seen, too.
    supports_higher_order_operators = True

    def __init__(self, module: nn.Module) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.layers: list[CountedLayer] = []
        self.uncounted: list[str] = []
        self.inside = [""]
        self.weights = {_storage(tensor) for tensor in module.parameters()}

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        namespace, _, name = func.name().split(".")[0].rpartition("::")
        if namespace == "aten" and name not in _COUNTED:
            # In inference mode, operators arrive here before they are taken apart.
            with self:
                result = func.decompose(*args, **(kwargs or {}))
            if result is not NotImplemented:
                return result
        result = func(*args, **(kwargs or {}))
        if namespace not in _OWN or (name.startswith(_UNCOUNTED) and name not in _COUNTED):
            self.uncounted.append(func.name().split(".")[0])
        elif name in _COUNTED and not all(map(_has_plain_shape, _tensors(args))):
            self.uncounted.append(f"{namespace}::{name}")
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


def _tensors(args: Any) -> list[torch.Tensor]:
    return [one for one in args if isinstance(one, torch.Tensor)]


def _has_plain_shape(tensor: torch.Tensor) -> bool:
    """Whether the shape of a tensor says how much is computed with it: not of a sparse one."""
    return not tensor.is_nested and (tensor.layout is torch.strided or tensor.is_mkldnn)


def _storage(tensor: torch.Tensor) -> int:
    """Return what tells the memory of a tensor, and of all views of it, from that of others."""
    return int(tensor.untyped_storage()._cdata)


def _shapes(a: torch.Tensor, b: torch.Tensor) -> tuple[tuple[int, ...], tuple[int, ...]]:
    return tuple(a.shape), tuple(b.shape)


@contextmanager
def _names(module: nn.Module, inside: list[str]) -> Iterator[None]:
    """Keep the name of the submodule that runs at the end of `inside`."""
    running = [module]
    known: dict[nn.Module, dict[nn.Module, str]] = {}

    def below(parent: nn.Module) -> dict[nn.Module, str]:
        if parent not in known:
            known[parent] = {part: name for name, part in parent.named_modules()}
        return known[parent]

    def entered(part: nn.Module, _: Any) -> None:
        # A shared part goes by the one that calls it.
        path, name = inside[-1], below(running[-1]).get(part)
        if name is None:
            path, name = "", below(module).get(part, inside[-1])
        running.append(part)
        inside.append(".".join(one for one in (path, name) if one))

    def left(part: nn.Module, _: Any, __: Any) -> None:
        # Those that raised something never left.
        if any(one is part for one in running[1:]):
            while running.pop() is not part:
                inside.pop()
            inside.pop()

    hooks = register_module_forward_pre_hook(entered), register_module_forward_hook(left)
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def _uncompiled() -> AbstractContextManager[Any]:
    """Have compiled modules run as they are written: compiling runs them more than once."""
    stance = getattr(torch.compiler, "set_stance", None)
    return nullcontext() if stance is None else stance("force_eager")


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
        with torch.inference_mode(False), torch.no_grad(), _uncompiled(), names, recorder:
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
