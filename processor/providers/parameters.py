"""What the operations on providers take."""

from processor.parameters import Id, Parameters


class List(Parameters, kw_only=True):
    """Every kind."""


class Health(Parameters, kw_only=True):
    """Of every account, or of one."""

    account: Id | None = None
