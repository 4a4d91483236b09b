"""The HTML door: what payers and merchants see in a browser. For now, receipts."""
