"""Python's collector of cycles, in processes that make many objects and hardly a cycle."""

import gc


def spare() -> None:
    """Let it look less often, and not at what was loaded at the start. Called when all that is to
    stay has been loaded.

    A batch makes tens of thousands of objects, none of them in a cycle. With the default, each 700
    of them set off a search, and now and then one of everything: a third of a batch's time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 10, 10)
