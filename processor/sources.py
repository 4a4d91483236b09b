"""Objects by the prefix of their id, for fields that may name one of several kinds."""

from collections.abc import Mapping

from processor.expansion import Loader
from processor.operations import Object, Work


def by_prefix(loaders: Mapping[str, Loader]) -> Loader:
    """One loader out of several: `{"ch": charges.load, "re": refunds.load}`."""

    async def load(work: Work, ids: list[str]) -> dict[str, Object]:
        found: dict[str, Object] = {}
        for prefix, loader in loaders.items():
            mine = [identifier for identifier in ids if identifier.startswith(f"{prefix}_")]
            if mine:
                found |= await loader(work, mine)
        return found

    return load
