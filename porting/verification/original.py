"""The model as it was read, run by the oracle: T in float64, and T again with every weight and input one rounding away."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from converters.graph import Artefact, Node
from converters.program import Program
from porting.verification.places import Layout

PERTURBED = (1, 2, 3, 4)
"""Seeds of the perturbed runs."""
MORE = tuple(range(5, 21))
"""Seeds of those that are run where a choice differs: four of them overlook a tie once in sixteen times."""


_CHOICES = (
    "TopK", "TopKV2", "ArgMax", "ArgMin", "Round", "Rint", "Floor", "Ceil", "Sign", "Greater", "GreaterEqual", "Less",
    "LessEqual", "Equal", "NotEqual", "FloorDiv", "FloorMod",
)  # fmt: skip


def _chooses(node: Node) -> bool:
    return node.op in _CHOICES and str(node.attr("T", "float32")) in (
        "float16",
        "float32",
        "float64",
    )


@dataclass(frozen=True)
class Truth:
    """What the oracle says of one run; arrays by output name."""

    exact: Mapping[str, np.ndarray]
    """T."""
    perturbed: tuple[Mapping[str, np.ndarray], ...]
    """Tk."""
    watched: Mapping[str, np.ndarray] = field(default_factory=dict)
    """Lengths, by tensor name."""
    single: Mapping[str, np.ndarray] | None = None
    """The graph in float32, where it makes choices inside: rounding makes ties there that no perturbation of float64 shows."""
    more: tuple[Mapping[str, np.ndarray], ...] = ()
    """Further perturbed runs, for choices alone: no floor knows them."""


@dataclass(frozen=True)
class Original:
    """An artefact with the names that matter."""

    artefact: Artefact
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    frozen: Mapping[str, Any] = field(default_factory=dict)
    """Fed to every run: dropout and ``--freeze``."""
    layouts: Mapping[str, Layout] = field(default_factory=dict)
    program: Program | None = field(default=None, repr=False)
    """The lifted model: it plays no part in a verdict, only in the search for a cause."""

    inside: tuple[str, ...] = ()
    """Outputs that are none of the port's, but can be seen inside it: what its choices are made from."""

    def feeds(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """What the raw graph is fed: the frozen values, and of a recording what is an input here."""
        fixed = {name: np.asarray(value) for name, value in self.frozen.items()}
        return fixed | {name: value for name, value in inputs.items() if name not in fixed}

    def run(self, inputs: Mapping[str, np.ndarray]) -> Truth:
        """T and every Tk.

        Raises:
            RnnportError: what :func:`converters.oracle.run` raises.
        """
        watch = self._watched()
        exact = self._oracle(inputs, watch=watch, widen=True)
        others = self.perturbed(inputs, PERTURBED)
        return Truth(
            {name: np.asarray(exact[name]) for name in self.outputs},
            others,
            {
                name: np.asarray(exact[name])
                for name in watch
                if isinstance(exact[name], np.ndarray)
            },
            self._oracle(inputs) if self.chooses else None,
        )

    def perturbed(
        self, inputs: Mapping[str, np.ndarray], seeds: Sequence[int]
    ) -> tuple[Mapping[str, np.ndarray], ...]:
        """Tk for each seed.

        Raises:
            RnnportError: what :func:`converters.oracle.run` raises.
        """
        return tuple(self._oracle(inputs, perturb=seed) for seed in seeds)

    @cached_property
    def chooses(self) -> bool:
        """Whether the graph compares, sorts or rounds floats anywhere."""
        graph = self.artefact.graph
        every = [graph.nodes.values(), *(f.nodes.values() for f in graph.functions.values())]
        return any(_chooses(node) for nodes in every for node in nodes)

    def looked_at_closer(
        self, truth: Truth, inputs: Mapping[str, np.ndarray], answered: Mapping[str, np.ndarray], /
    ) -> Truth:
        """The same with more perturbed runs, where an answered integer is none that the runs so far gave."""
        for name, exact in truth.exact.items():
            port = answered.get(name)
            if exact.dtype.kind == "f" or port is None or port.shape != exact.shape:
                continue
            given = [
                exact,
                *(run[name] for run in truth.perturbed if run[name].shape == exact.shape),
            ]
            if np.logical_and.reduce([port != one for one in given]).any():
                return replace(truth, more=self.perturbed(inputs, MORE))
        return truth

    def _watched(self) -> tuple[str, ...]:
        names = [layout.lengths for layout in self.layouts.values() if layout.lengths]
        return tuple(dict.fromkeys(names))

    def _oracle(
        self, inputs: Mapping[str, np.ndarray], *, watch: Sequence[str] = (), **options: Any
    ) -> dict[str, np.ndarray]:
        from converters import oracle

        return oracle.run(
            self.artefact.graph,
            self.feeds(inputs),
            self.outputs,
            watch=watch,
            assets=dict(self.artefact.assets),
            initializers=self.artefact.initializers,
            **options,
        )

    def accepts(self, inputs: Mapping[str, np.ndarray]) -> bool:
        """One float32 run: whether what comes out is free of NaN.

        Raises:
            RnnportError: TensorFlow would refuse these inputs.
        """
        found = self._oracle(inputs).values()
        return not any(value.dtype.kind == "f" and np.isnan(value).any() for value in found)
