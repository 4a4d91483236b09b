"""Uploads: kept as they came, private to their merchant, public through a link until it ends."""

import io
import time

import httpx
import pytest
import stripe
from live import Merchant

from processor.files.kinds import LARGEST

PDF = b"%PDF-1.7\n" + b"x" * 1000


def upload(merchant: Merchant, data: bytes = PDF, purpose: str = "dispute_evidence") -> stripe.File:
    file = io.BytesIO(data)
    file.name = "preuve.pdf"
    made: stripe.File = merchant.api.files.create({"purpose": purpose, "file": file})
    return made


def test_a_file_comes_back_as_it_went(merchant: Merchant) -> None:
    file = upload(merchant)
    assert (file.type, file.size, file.filename) == ("pdf", len(PDF), "preuve.pdf")
    answer = httpx.get(file.url, auth=(merchant.secret_key, ""))
    assert (answer.status_code, answer.content) == (200, PDF)
    assert answer.headers["content-type"] == "application/pdf"
    assert 'filename="preuve.pdf"' in answer.headers["content-disposition"]


def test_another_merchant_finds_nothing(merchant: Merchant, other_merchant: Merchant) -> None:
    file = upload(merchant)
    for path in (f"/v1/files/{file.id}", f"/v1/files/{file.id}/contents"):
        answer = httpx.get(f"{merchant.stack.base}{path}", auth=(other_merchant.secret_key, ""))
        assert answer.status_code == 404


def test_a_link_works_until_it_ends(merchant: Merchant) -> None:
    file = upload(merchant)
    link = merchant.api.file_links.create({"file": file.id, "expires_at": int(time.time()) + 600})
    assert httpx.get(link.url).content == PDF
    assert "attachment" in httpx.get(link.url).headers["content-disposition"]
    ended = merchant.api.file_links.update(link.id, {"expires_at": "now"})
    assert (ended.expired, ended.url) == (True, None)
    assert httpx.get(link.url).status_code == 404


def test_a_guessed_link_leads_nowhere(merchant: Merchant) -> None:
    link = merchant.api.file_links.create({"file": upload(merchant).id})
    assert httpx.get(link.url[:-1] + ("a" if link.url[-1] != "a" else "b")).status_code == 404


@pytest.mark.parametrize(
    ("data", "purpose", "param"),
    [
        (b"", "dispute_evidence", "file"),
        (PDF, "bogus", "purpose"),
        (b"x" * 600_000, "business_icon", "file"),
    ],
)
def test_a_wrong_upload_is_refused(
    merchant: Merchant, data: bytes, purpose: str, param: str
) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        upload(merchant, data, purpose)
    assert refused.value.param == param


@pytest.mark.parametrize(
    ("content_type", "body", "status"),
    [
        ("multipart/form-data", b"--x\r\n", 400),
        ("multipart/form-data; boundary=x", b"no parts at all", 400),
        (
            "multipart/form-data; boundary=x",
            b"--x\r\nContent-Disposition: form-data\r\n\r\n--x--",
            400,
        ),
        ("multipart/form-data; boundary=x", b"x" * (LARGEST + 1_000_000), 413),
    ],
)
def test_a_broken_multipart_body_is_refused(
    merchant: Merchant, content_type: str, body: bytes, status: int
) -> None:
    answer = httpx.post(
        f"{merchant.stack.base}/v1/files",
        content=body,
        headers={"Content-Type": content_type},
        auth=(merchant.secret_key, ""),
    )
    assert answer.status_code == status
    assert answer.json()["error"]["type"] == "invalid_request_error"
