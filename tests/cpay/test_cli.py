"""The command line: wrong usage, help, and sentences instead of tracebacks."""

import pytest

from cpay.cli import main


@pytest.fixture(autouse=True)
def _only_our_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("CPAY_DATABASE_URL", "CPAY_ADMIN_DATABASE_URL", "CPAY_KEY_PEPPER"):
        monkeypatch.delenv(variable, raising=False)


@pytest.mark.parametrize(
    "command",
    ["", "dev", "serve", "worker", "sandbox", "migrate", "settings"]
    + [f"tenant {verb}" for verb in ("create", "list", "export", "delete")]
    + [f"reconcile {verb}" for verb in ("import", "report", "resolve")]
    + [
        f"providers {verb}"
        for verb in ("list", "add", "replace", "check", "remove", "disable", "enable", "health")
    ]
    + ["providers reseal"]
    + [f"key {verb}" for verb in ("create", "roll", "revoke", "list")],
)
def test_every_command_explains_itself(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([*command.split(), "--help"])
    assert ended.value.code == 0
    assert capsys.readouterr().out.startswith(f"usage: cpay {command}".rstrip())


@pytest.mark.parametrize("arguments", [[], ["pay"], ["tenant"], ["tenant", "delete", "acct_1"]])
def test_wrong_usage_is_exit_code_2(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2


@pytest.mark.parametrize(
    ("command", "variable"),
    [
        ("serve", "CPAY_DATABASE_URL"),
        ("worker", "CPAY_DATABASE_URL"),
        ("migrate", "CPAY_ADMIN_DATABASE_URL"),
        ("tenant list", "CPAY_ADMIN_DATABASE_URL"),
    ],
)
def test_a_missing_setting_is_one_sentence(
    command: str, variable: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(command.split()) == 1
    assert capsys.readouterr().err == f"{variable} must be set; `cpay settings` explains it.\n"


def test_a_wrong_setting_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CPAY_PORT", "eighty")
    assert main(["settings"]) == 1
    assert capsys.readouterr().err.startswith("CPAY_PORT can't be 'eighty'")


def test_settings_prints_the_manual(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["settings"]) == 0
    assert "CPAY_DATABASE_POOL=16\n" in capsys.readouterr().out
