"""Settings: what the environment may say, what follows from it, and that secrets stay hidden."""

from pathlib import Path

import msgspec
import pytest

from cpay.settings import Settings, SettingsError


def test_defaults_are_those_of_one_machine() -> None:
    settings = Settings.from_environment({})
    assert settings.port == 8420
    assert settings.public_url == "http://127.0.0.1:8420"
    assert settings.state_dir == Path.cwd() / ".cpay"
    assert settings.store_dir == Path.cwd() / ".cpay" / "store"
    assert settings.database_url == ""
    assert settings.dev is False


def test_what_follows_from_other_settings() -> None:
    settings = Settings.from_environment(
        {"CPAY_PORT": "9000", "CPAY_DATABASE_URL": "postgresql://serve", "CPAY_STATE_DIR": "/state"}
    )
    assert settings.public_url == "http://127.0.0.1:9000"
    assert settings.admin_database_url == "postgresql://serve"
    assert settings.store_dir == Path("/state/store")


def test_given_values_win_over_derived_ones() -> None:
    settings = Settings.from_environment(
        {
            "CPAY_PUBLIC_URL": "https://pay.example/",
            "CPAY_DATABASE_URL": "postgresql://serve",
            "CPAY_ADMIN_DATABASE_URL": "postgresql://owner",
            "CPAY_STORE_DIR": "/documents",
            "CPAY_S3_SECURE": "false",
        }
    )
    assert settings.public_url == "https://pay.example"
    assert settings.admin_database_url == "postgresql://owner"
    assert settings.store_dir == Path("/documents")
    assert settings.s3_secure is False


def test_an_empty_variable_counts_as_not_given() -> None:
    # Compose files and charts pass every variable, the unset ones as empty text.
    assert Settings.from_environment({"CPAY_PORT": "", "CPAY_DEV": ""}) == Settings()


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("CPAY_PORT", "0"),
        ("CPAY_PORT", "65536"),
        ("CPAY_PORT", "http"),
        ("CPAY_DEV", "perhaps"),
        ("CPAY_LOG_LEVEL", "loud"),
        ("CPAY_DATABASE_POOL", "0"),
    ],
)
def test_an_impossible_value_is_named(variable: str, value: str) -> None:
    with pytest.raises(SettingsError, match=f"^{variable} can't be '{value}'"):
        Settings.from_environment({variable: value})


def test_a_missing_setting_is_named_by_its_variable() -> None:
    settings = Settings.from_environment({"CPAY_DATABASE_URL": "postgresql://serve"})
    settings.need("database_url")
    with pytest.raises(SettingsError, match=r"^CPAY_KEY_PEPPER must be set"):
        settings.need("database_url", "key_pepper")


def test_secrets_are_used_but_never_shown() -> None:
    names = ("DATABASE_URL", "ADMIN_DATABASE_URL", "KEY_PEPPER", "S3_ACCESS_KEY", "S3_SECRET_KEY")
    settings = Settings.from_environment({f"CPAY_{name}": f"hush-{name}" for name in names})
    assert f"{settings.key_pepper}" == "hush-KEY_PEPPER"
    assert "hush" not in repr(settings)
    assert "hush" not in settings.manual()


def test_the_manual_explains_every_variable() -> None:
    manual = Settings(port=9000).manual()
    assert "CPAY_PORT=9000\n    Port of the API" in manual
    paragraphs = manual.split("\n\n")
    assert len(paragraphs) == len(msgspec.structs.fields(Settings))
    assert all(paragraph.rstrip().endswith(".") for paragraph in paragraphs)
