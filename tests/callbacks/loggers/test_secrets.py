from __future__ import annotations

import os
import subprocess
import sys

import pytest

from callbacks.loggers.secrets import HIDDEN, hide_in_words, hide_secrets
from tests.helpers.runs import PROJECT


@pytest.fixture(autouse=True)
def _no_secrets_of_this_machine(monkeypatch):
    monkeypatch.setattr("callbacks.loggers.secrets.os.environ", {})


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
    monkeypatch.setattr("callbacks.loggers.secrets.os.environ", secrets)
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


@pytest.mark.pitfall(26)
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("https://h/x?token=abc&rows=3", f"https://h/x?token={HIDDEN}&rows=3"),
        ("https://h/x?rows=3&X-Amz-Signature=ab12", f"https://h/x?rows=3&X-Amz-Signature={HIDDEN}"),
        ("https://h/x?pad_token=abc", "https://h/x?pad_token=abc"),
        ("https://abcdef@sentry.io/1", f"https://{HIDDEN}@sentry.io/1"),
        ("hf://datasets/OWNER/NAME@main/x.csv", "hf://datasets/OWNER/NAME@main/x.csv"),
        ("Authorization: Bearer abcdefgh12", f"Authorization: Bearer {HIDDEN}"),
        ("-----BEGIN RSA PRIVATE KEY-----\nMII\n-----END RSA PRIVATE KEY-----.", f"{HIDDEN}."),
        ("C1=CC=C(C=C1)O", "C1=CC=C(C=C1)O"),
        ("CC[C@@H](C)[N+](C)(C)C?key", "CC[C@@H](C)[N+](C)(C)C?key"),
    ],
)
def test_secrets_inside_of_texts_are_hidden_and_the_rest_stays(text, expected):
    assert hide_secrets(text, []) == expected


@pytest.mark.pitfall(26)
def test_words_after_secret_flags_are_hidden():
    words = ["fit", "--x.api_key", "abc", "--y.password=hunter2=3", "--data.rows", "3", "--pad_token", "p"]
    assert hide_in_words(words, []) == [
        "fit", "--x.api_key", HIDDEN, f"--y.password={HIDDEN}", "--data.rows", "3", "--pad_token", "p"
    ]  # fmt: skip


@pytest.mark.pitfall(26)
def test_what_a_process_writes_holds_no_secret_also_in_tracebacks_and_for_those_that_listen():
    code = (
        "import sys\nfrom callbacks.loggers.secrets import hide_in_output\n"
        "words = ['--a.password', 'hunter2hunter2', '--b.secret=s3cr3t-s3cr3t']\n"
        "hide_in_output(words)\nheard, inner = [], sys.stdout.write\n"
        "def listen(text):\n    heard.append(text)\n    return inner(text)\n"
        "sys.stdout.write = listen\nhide_in_output()\n"
        "print('said', words[1], 'MY', 'tok-12345678')\nassert not any('12345678' in text for text in heard), heard\n"
        "raise ValueError(words[2])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "MY_TOKEN": "tok-12345678"}, cwd=PROJECT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.stdout == f"said {HIDDEN} MY {HIDDEN}\n"
    assert done.stderr.splitlines()[-1] == f"ValueError: --b.secret={HIDDEN}"
