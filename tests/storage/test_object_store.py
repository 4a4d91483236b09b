"""What `ObjectStore` promises, asked of every backend."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from storage import (
    CorruptObjectError,
    ImmutableObjectError,
    InvalidKeyError,
    ObjectNotFoundError,
    ObjectStore,
    StorageError,
    content_key,
)

PDF = "application/pdf"
KEY = "acct_1A/receipts/re_1.pdf"

pytestmark = pytest.mark.anyio


def in_seconds(seconds: float) -> datetime:
    return datetime.now(UTC) + timedelta(seconds=seconds)


async def until_past(moment: datetime) -> None:
    await asyncio.sleep((moment - datetime.now(UTC)).total_seconds() + 0.1)


@pytest.mark.parametrize("body", [b"", b"%PDF-1.7", bytes(range(256)) * 8192])
async def test_gives_back_what_was_put(store: ObjectStore, body: bytes) -> None:
    stored = await store.put(KEY, body, PDF, None)

    assert await store.get(KEY) == body
    assert await store.exists(KEY)
    assert (stored.key, stored.size, stored.retain_until) == (KEY, len(body), None)
    assert content_key("folder", body, "pdf") == f"folder/{stored.sha256}.pdf"


async def test_an_object_is_there_for_another_process(
    new_store: Callable[[], ObjectStore],
) -> None:
    await new_store().put(KEY, b"body", PDF, None)
    assert await new_store().get(KEY) == b"body"


async def test_the_same_bytes_again_are_the_same_object(store: ObjectStore) -> None:
    first = await store.put(KEY, b"body", PDF, None)
    assert await store.put(KEY, b"body", PDF, None) == first


async def test_other_bytes_never_replace_an_object(store: ObjectStore) -> None:
    await store.put(KEY, b"first", PDF, None)
    with pytest.raises(ImmutableObjectError):
        await store.put(KEY, b"second", PDF, None)
    assert await store.get(KEY) == b"first"


async def test_a_missing_object(store: ObjectStore) -> None:
    assert not await store.exists(KEY)
    with pytest.raises(ObjectNotFoundError):
        await store.get(KEY)
    await store.delete(KEY)


async def test_what_is_below_a_folder_is_found_with_its_retention(store: ObjectStore) -> None:
    until = in_seconds(3600)
    kept = {f"acct_1A/receipts/re_{n}.pdf": until if n % 2 else None for n in range(230)}
    kept["acct_1A/closes/2026.jsonl"] = None
    for key, retain_until in {**kept, "acct_1AB/receipts/re_1.pdf": None, "x.pdf": None}.items():
        await store.put(key, b"body", PDF, retain_until)

    found = {each.key: each.retain_until async for each in store.below("acct_1A")}

    assert found.keys() == kept.keys()
    assert found["acct_1A/receipts/re_0.pdf"] is None
    there = found["acct_1A/receipts/re_1.pdf"]
    assert there is not None
    assert 0 <= (there - until).total_seconds() <= 1
    assert [each async for each in store.below("acct_2")] == []


@pytest.mark.parametrize("folder", ["", "/", "a/", "/a", "..", "a/../b", "a b", "x.pdf"])
async def test_what_is_no_folder_is_refused(store: ObjectStore, folder: str) -> None:
    with pytest.raises(InvalidKeyError):
        store.below(folder)


async def test_deletion_waits_for_the_end_of_the_retention(store: ObjectStore) -> None:
    stored = await store.put(KEY, b"body", PDF, in_seconds(2))
    assert stored.retain_until is not None

    with pytest.raises(ImmutableObjectError):
        await store.delete(KEY)
    assert await store.get(KEY) == b"body"

    await until_past(stored.retain_until)
    await store.delete(KEY)
    assert not await store.exists(KEY)
    await store.put(KEY, b"the key is free again", PDF, None)


async def test_an_object_without_retention_can_be_deleted(store: ObjectStore) -> None:
    await store.put(KEY, b"body", PDF, None)
    await store.delete(KEY)
    assert not await store.exists(KEY)


async def test_a_retention_is_extended_never_shortened(store: ObjectStore) -> None:
    short, long = in_seconds(2), in_seconds(6)
    await store.put(KEY, b"body", PDF, short)
    extended = await store.put(KEY, b"body", PDF, long)
    unchanged = await store.put(KEY, b"body", PDF, short)

    assert extended.retain_until is not None
    assert long <= extended.retain_until < long + timedelta(seconds=1)
    assert unchanged == extended
    await until_past(short + timedelta(seconds=1))
    with pytest.raises(ImmutableObjectError):
        await store.delete(KEY)


async def test_a_retention_can_start_later(store: ObjectStore) -> None:
    await store.put(KEY, b"body", PDF, None)
    stored = await store.put(KEY, b"body", PDF, in_seconds(60))

    assert stored.retain_until is not None
    with pytest.raises(ImmutableObjectError):
        await store.delete(KEY)


async def test_a_retention_in_the_past_is_none(store: ObjectStore) -> None:
    stored = await store.put(KEY, b"body", PDF, in_seconds(-60))
    assert stored.retain_until is None
    await store.delete(KEY)


async def test_a_naive_retention_is_refused(store: ObjectStore) -> None:
    with pytest.raises(ValueError, match="aware"):
        await store.put(KEY, b"body", PDF, in_seconds(60).replace(tzinfo=None))
    assert not await store.exists(KEY)


@pytest.mark.parametrize(
    "key",
    [
        "",
        "/etc/passwd.txt",
        "../outside.pdf",
        "folder/../../outside.pdf",
        "folder//name.pdf",
        "folder/",
        "no-extension",
        "dots.in.name.pdf",
        "dot.ted/name.pdf",
        ".partial/name.pdf",
        ".hidden",
        "back\\slash.pdf",
        "nul\x00.pdf",
        "line.pdf\n",
        "é.pdf",
        "a/" * 9 + "too-deep.pdf",
        "a" * 129 + ".pdf",
        "a" * 65 + "/name.pdf",
    ],
)
async def test_unsafe_keys_are_refused(store: ObjectStore, key: str) -> None:
    for call in (store.put(key, b"", PDF, None), store.get(key), store.exists(key)):
        with pytest.raises(InvalidKeyError):
            await call
    with pytest.raises(InvalidKeyError):
        await store.delete(key)


async def test_a_name_and_a_folder_do_not_collide(store: ObjectStore) -> None:
    await store.put("a.pdf", b"1", PDF, None)
    await store.put("a/a.pdf", b"2", PDF, None)
    await store.put("a/a/a.pdf", b"3", PDF, None)
    assert [await store.get(key) for key in ("a.pdf", "a/a.pdf", "a/a/a.pdf")] == [b"1", b"2", b"3"]


async def test_a_key_that_names_a_digest_takes_only_its_own_bytes(store: ObjectStore) -> None:
    key = content_key("receipts", b"body", "pdf")
    with pytest.raises(InvalidKeyError):
        await store.put(key, b"other", PDF, None)
    await store.put(key, b"body", PDF, None)
    assert await store.get(key) == b"body"


async def test_one_of_many_concurrent_writers_wins(
    new_store: Callable[[], ObjectStore], request: pytest.FixtureRequest
) -> None:
    if "fake_s3" in request.node.name:
        pytest.skip("moto checks If-None-Match and writes in two steps")
    bodies = [b"%d" % number * 100_000 for number in range(8)]
    results = await asyncio.gather(
        *(new_store().put(KEY, body, PDF, in_seconds(60)) for body in bodies),
        return_exceptions=True,
    )

    winners = [body for body, result in zip(bodies, results, strict=True) if not _lost(result)]
    assert len(winners) == 1
    assert await new_store().get(KEY) == winners[0]


def _lost(result: object) -> bool:
    if isinstance(result, BaseException) and not isinstance(result, ImmutableObjectError):
        raise result
    return isinstance(result, ImmutableObjectError)


async def test_concurrent_writers_of_the_same_bytes_all_succeed(
    new_store: Callable[[], ObjectStore],
) -> None:
    stored = await asyncio.gather(*(new_store().put(KEY, b"body", PDF, None) for _ in range(8)))
    assert len(set(stored)) == 1


def test_every_failure_is_a_storage_error() -> None:
    for error in (CorruptObjectError, ImmutableObjectError, InvalidKeyError, ObjectNotFoundError):
        assert issubclass(error, StorageError)
