"""The class of a loop, a branch or of sizes known when the model runs."""

from __future__ import annotations

from converters.to_source.blocks.own import OwnLayer
from converters.to_source.blocks.words import short
from converters.to_source.class_text import CellClass, indented
from converters.to_source.lines import Writer
from converters.to_source.literals import text
from converters.to_source.names import Names, is_noise, scope

CLASS = '''

class {name}(layers.Layer):
    """{title}"""

{build}{mask}    def call(self, {given}):
{body}
        return {result}
'''

MASK = """    def compute_mask(self, *_):
        return None

"""

BUILD = """    def build(self, *_):
{weights}

"""


def own_class(layer: OwnLayer, /) -> CellClass:
    """The class that does what a group of the graph's calls does."""
    body, names = layer.body, Names()
    names.eager = True
    made = []
    for (tensor, _), attribute in zip(body.weights.values(), layer.attributes, strict=True):
        names.call_it(tensor, f"self.{attribute}")
        dtype = "" if tensor.dtype == "float32" else f', dtype="{tensor.dtype}"'
        shape = tuple(tensor.shape)
        made.append(f'self.{attribute} = self.add_weight(name="{attribute}", shape={shape}{dtype})')
    given = [names.of(t, _called(n)) for t, n in zip(body.inputs, body.names, strict=True)]
    writer = Writer(names, body.outputs, inner=True)
    lines = writer.write()
    shown = [text(value, names) for value in body.outputs]
    whole = CLASS.format(
        name=type(layer).__name__,
        title=f"What TensorFlow 1 ran as {_harmless(body.title)}.",
        build=BUILD.format(weights=indented(made)) if made else "",
        mask=MASK if layer.masked else "",
        given=", ".join(given),
        body=indented(_spaced(lines)),
        result=", ".join(shown),
    )
    return CellClass(type(layer).__name__, whole, writer.helpers)


def _called(value: str) -> str:
    """A parameter's name."""
    name = short(value)
    return name if not is_noise(name) else scope(name) or "x"


def _harmless(title: str) -> str:
    return "".join(c for c in title if c.isalnum() or c in "/_-.")


def _spaced(lines: list[str]) -> list[str]:
    """One empty line around a function, none at the ends."""
    found: list[str] = []
    for line in lines:
        if line or (found and found[-1]):
            found.append(line)
    return found
