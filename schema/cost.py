"""What an operation costs at most, known before it runs: how many fields it can bring, lists and fragments multiplied.

A document of a thousand characters can stand for millions of fields when fragments name each other twice. Each fragment
is counted once here, so finding that out costs no more than the document is long.
"""

from collections.abc import Mapping

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    IntValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
)

_CEILING = 10**9
_PAGE = 100
# How many entries a list brings at the most, or typically where nothing bounds it.
_ENTRIES = {"payments": _PAGE, "history": 10, "deliveries": _PAGE, "endpoints": 20}


def cost_of(document: DocumentNode) -> int:
    """The cost of the costliest operation in `document`, which need not be valid."""
    fragments = {node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)}
    counting = _Counting(fragments)
    operations = (node for node in document.definitions if isinstance(node, OperationDefinitionNode))
    return max((counting.of(node.selection_set) for node in operations), default=0)


class _Counting:
    def __init__(self, fragments: Mapping[str, FragmentDefinitionNode]) -> None:
        self._fragments = fragments
        self._counted: dict[str, int] = {}

    def of(self, selections: SelectionSetNode | None) -> int:
        """The cost of a selection set."""
        total = 0
        for node in selections.selections if selections else ():
            match node:
                case FieldNode():
                    total += 1 + _entries(node) * self.of(node.selection_set)
                case InlineFragmentNode():
                    total += self.of(node.selection_set)
                case FragmentSpreadNode():
                    total += self._fragment(node.name.value)
        return min(total, _CEILING)

    def _fragment(self, name: str) -> int:
        if name not in self._counted and name in self._fragments:
            # One that leads to itself costs nothing here: validation refuses it.
            self._counted[name] = 0
            self._counted[name] = self.of(self._fragments[name].selection_set)
        return self._counted.get(name, 0)


def _entries(field: FieldNode) -> int:
    """By how much the field multiplies what is below it."""
    entries = _ENTRIES.get(field.name.value, 1)
    for argument in field.arguments or ():
        if argument.name.value == "first" and isinstance(argument.value, IntValueNode):
            entries = min(entries, int(argument.value.value[:6]))
    return max(1, entries)
