"""`expand[]`: replace ids in an answer by the objects they name, one query per field and level.

Paths are checked before an operation runs, so that a payment is never made for a call that is then
refused for its `expand`.
"""

from collections.abc import Awaitable, Callable, Iterable

from processor.errors import InvalidRequest
from processor.operations import Object, Work

Loader = Callable[[Work, list[str]], Awaitable[dict[str, Object]]]

MAX_DEPTH = 4

# What can be expanded in each object, and what it becomes. A field that nothing fills yet has None:
# it may be asked for, and stays null. A dot reaches into a sub-hash.
Fields = dict[str, dict[str, str | None]]


class Expander:
    """Knows which fields of which objects can be expanded, and who loads what they name."""

    def __init__(self, fields: Fields, loaders: dict[str, Loader]) -> None:
        self.fields = fields
        self._loaders = loaders

    def check(self, returns: str, paths: Iterable[str]) -> set[str]:
        """Refuse paths that the answer of an operation does not have. Raises InvalidRequest.

        Returns the kinds of objects that the expanded answer will show.
        """
        envelope, _, listed = returns.rpartition(":")
        shown: set[str] = set()
        for path in paths:
            parts = path.split(".")
            if len(parts) > MAX_DEPTH:
                raise InvalidRequest(
                    f"You cannot expand more than {MAX_DEPTH} levels of a property"
                    f" (attempted to expand: {path}).",
                    param="expand",
                )
            if envelope and parts.pop(0) != "data":
                raise _unknown(path)
            kind: str | None = listed
            while parts and kind is not None:
                field, parts = self._split(kind, parts, path)
                kind = self.fields[kind][field]
                if kind is not None:
                    shown.add(kind)
        return shown

    async def expand(self, work: Work, answer: Object, paths: Iterable[str]) -> None:
        """Expand an answer in place, along paths that were checked."""
        if answer["object"] in ("list", "search_result"):
            for path in paths:
                await self._walk(work, answer["data"], path.split(".")[1:], path)
        else:
            await self.expand_all(work, [answer], paths)

    async def expand_all(self, work: Work, answers: list[Object], paths: Iterable[str]) -> None:
        """Expand objects of one kind in place, along paths that were checked."""
        for path in paths:
            await self._walk(work, answers, path.split("."), path)

    async def _walk(self, work: Work, objects: list[Object], parts: list[str], path: str) -> None:
        """Expand the first field of the path in all these objects, then the rest in what it gave.

        They are of one kind, but for what has caused a balance transaction.
        """
        if not parts:
            return
        kinds: dict[str, list[Object]] = {}
        for item in objects:
            if not item.get("deleted"):
                kinds.setdefault(item["object"], []).append(item)
        for kind, alike in kinds.items():
            if len(kinds) > 1 and parts[0] not in self.fields[kind]:
                continue
            field, rest = self._split(kind, parts, path)
            reached = await self._replace(work, kind, alike, field)
            await self._walk(work, reached, rest, path)

    async def _replace(
        self, work: Work, kind: str, objects: list[Object], field: str
    ) -> list[Object]:
        """Put objects where their ids stand. Returns those objects."""
        target = self.fields[kind][field]
        if target is None:
            return []
        *inside, name = field.split(".")
        holders = [_reach(item, inside) for item in objects]
        holders = [holder for holder in holders if holder.get(name) is not None]
        ids = sorted({holder[name] for holder in holders if isinstance(holder[name], str)})
        loaded = await self._loaders[target](work, ids) if ids else {}
        for holder in holders:
            if isinstance(holder[name], str):
                holder[name] = loaded.get(holder[name], holder[name])
        return [holder[name] for holder in holders if isinstance(holder[name], dict)]

    def _split(self, kind: str, parts: list[str], path: str) -> tuple[str, list[str]]:
        """The field that a path begins with, and the rest of the path."""
        fields = self.fields.get(kind, {})
        for length in (1, 2):
            field = ".".join(parts[:length])
            if field in fields:
                return field, parts[length:]
        raise _unknown(path)


def _reach(item: Object, names: list[str]) -> Object:
    for name in names:
        item = item[name]
    return item


def _unknown(path: str) -> InvalidRequest:
    return InvalidRequest(
        f"This property cannot be expanded ({path}). You may want to try expanding another"
        " property, or none. (expand)",
        param="expand",
    )
