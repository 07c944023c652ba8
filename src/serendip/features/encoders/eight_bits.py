"""Eight bits: the products with matrices of weights in an ONNX graph, made products of whole numbers.

Weights are rounded once, each column by a scale of its own. What they are multiplied with is rounded as it comes, each
row, which is a token, by a scale of its own: a loud token costs the others nothing, and a text is read the same
whatever it is read beside. Dettmers et al., "LLM.int8()", NeurIPS 2022, section 2, vector-wise quantisation.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import NodeProto, helper, numpy_helper

DOMAIN = "com.microsoft"
"""Where ONNX Runtime keeps the product of whole numbers that answers in float32."""
LEVELS = 255
BELOW, BELOW_ACTIVATED = 128, 16
"""How many of the levels are kept for numbers below 0; after GELU, which is -0.17 at the least, few do."""
ACTIVATIONS = ("Erf", "Gelu", "Relu")
"""Operations by which what hardly falls below 0 is known: the wider layer of a Transformer goes through one of them."""
NEAR = 4
"""GELU is written as so many operations at most, its `Erf` among them."""
SMALLEST = 1e-9


def rounded(source: Path, target: Path) -> None:
    """Write the graph of `source` with its products of weights in whole numbers; everything else stays as it is."""
    model = onnx.load(str(source))
    _Rounding(model).run()
    onnx.save(model, str(target))


class _Rounding:
    """Takes one graph and writes its nodes anew."""

    def __init__(self, model: onnx.ModelProto) -> None:
        self.model, self.graph = model, model.graph
        self.constants = {one.name: one for one in self.graph.initializer}
        self.makers = {name: node for node in self.graph.node for name in node.output}
        self.nodes: list[NodeProto] = []
        self.added: dict[str, onnx.TensorProto] = {}
        self.replaced: set[str] = set()

    def run(self) -> None:
        for node in list(self.graph.node):
            if node.op_type == "MatMul" and node.input[1] in self.constants:
                self._product(node)
            else:
                self.nodes.append(node)
        kept = [one for name, one in self.constants.items() if name not in self.replaced]
        for field, content in ((self.graph.initializer, [*kept, *self.added.values()]), (self.graph.node, self.nodes)):
            del field[:]
            field.extend(content)
        self.model.opset_import.append(helper.make_opsetid(DOMAIN, 1))

    def _product(self, node: NodeProto) -> None:
        """y = x W, as (rounded x times rounded W) by the scale of each row and of each column."""
        x, name = node.input
        weights = numpy_helper.to_array(self.constants[name])  # (K, N)
        scales = np.maximum(np.abs(weights).max(axis=0) / 127, SMALLEST).astype(np.float32)
        below = BELOW_ACTIVATED if self._activated(x, NEAR) else BELOW
        self._rows(x, below)
        whole = self._kept(f"{name}.whole", np.rint(weights / scales).astype(np.int8))
        given = [f"{x}.whole", whole, self._number(1.0), self._kept(f"{name}.scales", scales), self._level(below)]
        self._add("MatMulIntegerToFloat", given, f"{node.output[0]}.unscaled", domain=DOMAIN)
        self._add("Mul", [f"{node.output[0]}.unscaled", f"{x}.scale"], node.output[0])
        self.replaced.add(name)

    def _rows(self, x: str, below: int) -> None:
        """`x` (..., T, K) as whole numbers, and the scale of each row (..., T, 1), once for all that it meets."""
        if f"{x}.whole" in self.makers:
            return
        for name, operation, levels in (("most", "ReduceMax", LEVELS - below), ("least", "ReduceMin", -below)):
            self._add(operation, [x], f"{x}.{name}", axes=[-1], keepdims=1)
            self._add("Mul", [f"{x}.{name}", self._number(1 / levels)], f"{x}.{name}.step")
        self._add("Max", [f"{x}.most.step", f"{x}.least.step", self._number(SMALLEST)], f"{x}.scale")
        self._add("Div", [x, f"{x}.scale"], f"{x}.scaled")
        self._add("QuantizeLinear", [f"{x}.scaled", self._number(1.0), self._level(below)], f"{x}.whole")

    def _activated(self, name: str, steps: int) -> bool:
        """Whether one of the last few operations that make `name` is one of `ACTIVATIONS`."""
        node = self.makers.get(name)
        if node is None or not steps:
            return False
        return node.op_type in ACTIVATIONS or any(self._activated(one, steps - 1) for one in node.input)

    def _add(self, operation: str, given: list[str], name: str, **attributes: Any) -> None:
        self.makers[name] = helper.make_node(operation, given, [name], **attributes)
        self.nodes.append(self.makers[name])

    def _number(self, value: float) -> str:
        return self._kept(f"float.{value}", np.float32(value))

    def _level(self, value: int) -> str:
        return self._kept(f"level.{value}", np.uint8(value))

    def _kept(self, name: str, value: NDArray[np.generic] | np.generic) -> str:
        self.added.setdefault(name, numpy_helper.from_array(np.asarray(value), name))
        return name
