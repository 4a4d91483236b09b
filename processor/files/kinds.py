"""Which files may be uploaded for what, and how their kind is known: by their first bytes."""

MEGABYTE = 1_000_000

# The largest upload for each purpose, in bytes, as Stripe's documentation gives them. A provider's
# statement is ours: a hundred thousand lines with all of their columns.
PURPOSES = {
    "account_requirement": 10 * MEGABYTE,
    "additional_verification": 10 * MEGABYTE,
    "business_icon": MEGABYTE // 2,
    "business_logo": MEGABYTE // 2,
    "customer_signature": 4 * MEGABYTE,
    "dispute_evidence": 5 * MEGABYTE,
    "identity_document": 10 * MEGABYTE,
    "issuing_regulatory_reporting": 10 * MEGABYTE,
    "pci_document": 10 * MEGABYTE,
    "platform_terms_of_service": 10 * MEGABYTE,
    "provider_statement": 20 * MEGABYTE,
    "tax_document_user_upload": 10 * MEGABYTE,
    "terminal_android_apk": 10 * MEGABYTE,
    "terminal_reader_splashscreen": 2 * MEGABYTE,
}

LARGEST = max(PURPOSES.values())

_SIGNATURES = (
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"\xff\xd8\xff", "jpg"),
    (b"%PDF-", "pdf"),
    (b"GIF87a", "gif"),
    (b"GIF89a", "gif"),
    (b"PK\x03\x04", "zip"),
)

MEDIA_TYPES = {
    "png": "image/png",
    "jpg": "image/jpeg",
    "pdf": "application/pdf",
    "gif": "image/gif",
    "csv": "text/csv",
    "txt": "text/plain",
}


def media_type(kind: str | None) -> str:
    """How a file of this kind is announced to who downloads it."""
    return MEDIA_TYPES.get(kind or "", "application/octet-stream")


def kind_of(name: str | None, data: bytes) -> str | None:
    """`png`, `pdf`, ...: by the first bytes; for text by the name's ending; None if unknown."""
    for signature, kind in _SIGNATURES:
        if data.startswith(signature):
            return kind
    ending = (name or "").rpartition(".")[2].lower()
    return ending if ending in ("csv", "txt") and b"\0" not in data[:4096] else None
