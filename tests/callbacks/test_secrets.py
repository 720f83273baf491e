from __future__ import annotations

import pytest

from callbacks.secrets import HIDDEN, hide_secrets


@pytest.fixture(autouse=True)
def _no_secrets_of_this_machine(monkeypatch):
    monkeypatch.setattr("callbacks.secrets.os.environ", {})


@pytest.mark.pitfall(26)
@pytest.mark.parametrize(
    "name",
    ["api_key", "apikey", "wandb_api_key", "WANDB-API-KEY", "token", "hf_token", "auth_token", "my_hub_token", "password",
     "db_password", "client_secret", "aws_secret_access_key", "credentials", "private_key"],
)  # fmt: skip
def test_values_under_secret_names_are_hidden(name):
    assert hide_secrets({"model": {name: "abc"}}) == {"model": {name: HIDDEN}}


@pytest.mark.parametrize(
    "name", ["pad_token", "eos_token", "max_tokens", "num_tokens", "tokenizer", "stop_token", "keyboard", "secretary", "author"]
)  # fmt: skip
def test_settings_with_similar_names_stay(name):
    assert hide_secrets({name: "abc"}) == {name: "abc"}


@pytest.mark.pitfall(26)
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("hf_" + "a1B2" * 8, HIDDEN),
        ("key=ghp_" + "a1B2" * 9 + ";", f"key={HIDDEN};"),
        ("https://me:pass@host/x.csv", f"https://{HIDDEN}@host/x.csv"),
        ("a/plain/path.csv", "a/plain/path.csv"),
        ("0123456789abcdef0123456789abcdef01234567", "0123456789abcdef0123456789abcdef01234567"),
    ],
)
def test_texts_shaped_like_secrets_are_hidden_wherever_they_are(text, expected):
    assert hide_secrets({"data": [{"source": text}]}) == {"data": [{"source": expected}]}


@pytest.mark.pitfall(26)
def test_values_of_secret_variables_are_hidden_in_any_text(monkeypatch):
    secrets = {
        "WANDB_API_KEY": "0123456789abcdef",
        "MY_TOKEN": "tok-12345",
        "PATH": "/usr/bin:/bin",
        "SOME_KEY": "yes",
    }
    monkeypatch.setattr("callbacks.secrets.os.environ", secrets)
    settings = {
        "a": "x0123456789abcdefx",
        "b": ("tok-12345",),
        "c": "/usr/bin:/bin",
        "d": "yes",
        "e": 3,
        "f": None,
    }
    assert hide_secrets(settings) == {
        "a": f"x{HIDDEN}x", "b": [HIDDEN], "c": "/usr/bin:/bin", "d": "yes", "e": 3, "f": None,
    }  # fmt: skip
    assert settings["a"] == "x0123456789abcdefx"
