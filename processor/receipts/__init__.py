"""Receipts: what a payer gets to keep, and can check years later."""

from processor.receipts.render import RENDERER, Receipt, render_receipt

__all__ = ["RENDERER", "Receipt", "render_receipt"]
