from __future__ import annotations

from cli.argv import asks_for_help, flag_value, flag_values, without_flag


def test_flag_value_is_the_last_that_was_given() -> None:
    words = ["fit", "--config", "a", "--config=b", "--config", "c", "--configs=no"]
    assert flag_values(words, "--config") == ["a", "b", "c"]
    assert flag_value(words, "--config") == "c"
    assert flag_value(words, "--name") is None
    assert flag_value(["fit", "--name"], "--name") is None


def test_flags_are_removed_with_their_values() -> None:
    words = ["fit", "--name", "a", "--names=no", "--name=b", "--seed", "--name", "--name"]
    assert without_flag(words, "--name") == ["fit", "--names=no", "--seed"]


def test_help_and_printed_settings_are_known() -> None:
    for words in (
        ["fit", "-h"],
        ["--help"],
        ["fit", "--model.optimizer.help"],
        ["fit", "--print_config=skip_null"],
    ):
        assert asks_for_help(words)
    assert not asks_for_help(["fit", "--name", "help", "--data.format", "h"])
