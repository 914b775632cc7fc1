"""Operations of the symbolic graph that only the source runs: each knows the text that stands for it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from converters.to_keras.backend import keras

Text = Callable[..., str]
"""``text(value, limit)``: a value as source, in parentheses where it binds more loosely than ``limit``."""

Write = Callable[[Text, Sequence[Any]], str]
"""The operation's text from that of its operands."""

Spec = tuple[Sequence[int | None], str]
"""Shape and dtype."""


class Written(keras.Operation):
    """One call.

    Args:
        write: the text.
        specs: of the results.
        kind: what the operation is, for names and helpers.
        level: how loosely the text binds.
        helpers: functions of the source that the text calls.
        sizes: of a vector of sizes, its items.
    """

    def __init__(
        self,
        write: Write,
        specs: Sequence[Spec],
        *,
        kind: str,
        level: int = 0,
        helpers: Sequence[str] = (),
        sizes: Sequence[Any] | None = None,
        called: Sequence[str] = (),
    ) -> None:
        super().__init__(name=kind)
        self.write, self.specs, self.kind, self.level = write, list(specs), kind, level
        self.helpers, self.sizes, self.called = tuple(helpers), sizes, tuple(called)

    def compute_output_spec(self, *_: Any) -> Any:
        """The specs."""
        made = [keras.KerasTensor(tuple(shape), dtype) for shape, dtype in self.specs]
        return made[0] if len(made) == 1 else made


class While(keras.Operation):
    """``while go_on: state = step(state)``.

    Args:
        inputs: the tensors that stand for the carried values in a round.
        go_on: of the inputs, whether there is another round.
        new: what the round makes of them.
        called: what the carried values are called.
        title: the node.
    """

    def __init__(
        self,
        inputs: Sequence[Any],
        go_on: Any,
        new: Sequence[Any],
        called: Sequence[str],
        title: str,
    ) -> None:
        super().__init__(name="while")
        self.title = title
        self.inputs, self.go_on, self.new, self.called = (
            list(inputs),
            go_on,
            list(new),
            list(called),
        )
        self.uses: dict[int, tuple[Any, int]] = {}
        """What is read from outside, and how often."""

    def compute_output_spec(self, *_: Any) -> Any:
        """Like the carried values."""
        made = [keras.KerasTensor(t.shape, t.dtype) for t in self.inputs]
        return made[0] if len(made) == 1 else made


class Branch(keras.Operation):
    """``then`` where the predicate is true, else ``otherwise``."""

    def __init__(
        self, then: Sequence[Any], otherwise: Sequence[Any], specs: Sequence[Spec], title: str
    ) -> None:
        super().__init__(name="branch")
        self.title = title
        self.then, self.otherwise, self.specs = list(then), list(otherwise), list(specs)

    def compute_output_spec(self, *_: Any) -> Any:
        """The specs."""
        made = [keras.KerasTensor(tuple(shape), dtype) for shape, dtype in self.specs]
        return made[0] if len(made) == 1 else made


class BeamSearch(keras.Operation):
    """A call of :func:`converters.to_keras.decoding.beam_search`.

    Args:
        step: what it is given (inputs, then states), and what it gives (logits, then states).
        embed: the tokens, and the inputs made of them.
        called: what the states are called.
        options: plain arguments by name.
        title: the node.
    """

    def __init__(
        self, step: Any, embed: Any, called: Sequence[str], options: dict[str, Any], title: str
    ) -> None:
        super().__init__(name="beam_search")
        self.step, self.embed, self.called = step, embed, list(called)
        self.options, self.title = options, title
        self.uses: dict[int, tuple[Any, int]] = {}

    def compute_output_spec(self, inputs: Any, *_: Any) -> Any:
        """Tokens, log probabilities, lengths and scores."""
        rows, width = inputs.shape[0], self.options["width"]
        tokens = keras.KerasTensor((None, rows, width), "int32")
        flat = [keras.KerasTensor((rows, width), dtype) for dtype in ("float32", "int32")]
        return [tokens, *flat, keras.KerasTensor((None, rows, width), "float32")]


CONTROL = (While, Branch, BeamSearch)
"""Operations written with functions."""


def size_of(x: Any, axis: int, /) -> Any:
    """The size of an axis, when the model runs."""
    called = ["rows" if axis == 0 else "steps" if axis == 1 else "size"]
    return Written(
        lambda text, args: f"ops.shape({text(args[0])})[{axis}]",
        [((), "int32")],
        kind="size_of",
        called=called,
    )(x)


def size_vector(items: Sequence[Any], dtype: str, near: Any, /) -> Any:
    """Sizes in a row: ints and rank-0 tensors; ``near`` is any tensor."""
    tensors = [item for item in items if keras.utils.is_keras_tensor(item)]

    def write(text: Text, _args: Sequence[Any]) -> str:
        inner = ", ".join(text(item) for item in items)
        return (
            f"ops.stack([{inner}])"
            if dtype == "int32"
            else f'ops.cast(ops.stack([{inner}]), "{dtype}")'
        )

    return Written(write, [((len(items),), dtype)], kind="sizes", sizes=list(items))(
        *(tensors or [near])
    )
