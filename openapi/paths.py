"""Which operation a method and a path name."""

from collections.abc import Iterable

from processor.operations import Operation

# The segments of a path in the table; None stands for a parameter, whose value can be anything.
_Pattern = tuple[str | None, ...]


class Paths:
    """The paths of the table of operations. A path without parameters goes before one with them:
    `/v1/charges/search` is no charge."""

    def __init__(self, operations: Iterable[Operation]) -> None:
        self._plain: dict[str, dict[str, Operation]] = {}
        self._patterns: dict[int, dict[_Pattern, dict[str, Operation]]] = {}
        for operation in operations:
            segments = operation.path.split("/")
            if not operation.path_parameters:
                self._plain.setdefault(operation.path, {})[operation.method] = operation
                continue
            pattern = tuple(None if part.startswith("{") else part for part in segments)
            alike = self._patterns.setdefault(len(pattern), {})
            alike.setdefault(pattern, {})[operation.method] = operation

    def at(self, path: str) -> dict[str, Operation]:
        """The operations at a path, by method. Empty if there are none."""
        if path in self._plain:
            return self._plain[path]
        segments = path.split("/")
        for pattern, operations in self._patterns.get(len(segments), {}).items():
            if all(part in (None, given) for part, given in zip(pattern, segments, strict=True)):
                return operations
        return {}


def parameters(operation: Operation, path: str) -> dict[str, str]:
    """The values of the names in braces, of an operation that is `at` this path."""
    names = operation.path.split("/")
    return {
        name[1:-1]: value
        for name, value in zip(names, path.split("/"), strict=True)
        if name.startswith("{")
    }
