"""The first page of the sandboxes, one of them alone, and the words for their payers."""

from pathlib import Path

import httpx
import pytest
from sandbox_servers import Sandbox, listen, serve, url_of

from providers.sandbox.demo import demo_accounts
from providers.sandbox.payers import payers_of
from providers.sandbox.server import PSPS, create_sandbox

DOCUMENT = Path(__file__).parents[2] / "docs" / "sandboxes.md"


@pytest.mark.parametrize(("language", "word"), [("en", "Test payers"), ("fr", "Payeurs de test")])
def test_the_first_page_has_all_that_a_program_needs(
    session_sandbox: Sandbox, language: str, word: str
) -> None:
    page = httpx.get(f"{session_sandbox.url}/?lang={language}").text
    assert word in page
    for name in PSPS:
        assert f'href="{name}/control?lang={language}"' in page
        assert f"{session_sandbox.url}/{name}<" in page
    for account in demo_accounts(session_sandbox.url):
        values = [getattr(account.credentials, name) for name in account.credentials.__slots__]
        assert all(str(value) in page for value in values)


def test_one_alone(tmp_path: Path) -> None:
    listener = listen()
    with serve(create_sandbox(tmp_path, url_of(listener), ["moov"]), listener) as url:
        page = httpx.get(f"{url}/").text
        assert "moov/control" in page
        assert "mtn" not in page
        assert httpx.get(f"{url}/moov/control").status_code == 200
        assert httpx.get(f"{url}/mtn/control").status_code == 404
    assert [book.name for book in tmp_path.iterdir()] == ["moov.jsonl"]


@pytest.mark.parametrize("psp", PSPS)
def test_the_document_has_every_test_payer_and_what_becomes_of_it(psp: str) -> None:
    document = DOCUMENT.read_text()
    section = document.partition(f"## `{psp}`")[2].partition("\n## ")[0]
    for payer, outcome in payers_of(psp):
        assert f"| `{payer}` | {outcome} |" in section
