from __future__ import annotations

import pytest
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch import Trainer
from lightning.pytorch.callbacks import EarlyStopping

from cli.exit_status import ending_of
from cli.trainer.errors import is_about_configuration, shorten, told_in_one_line

NESTED = """Does not validate against any of the Union subtypes
Subtypes: [<class 'Logger'>, <class 'bool'>, <class 'NoneType'>]
Errors:
  - Problem with given class_path 'lightning.pytorch.loggers.MLFlowLogger':
      Requirement 'mlflow>=1.0.0' not met.
  - Expected a <class 'bool'>
Given value type: <class 'Namespace'>
Given value: Namespace()"""


def test_reason_among_the_types_that_did_not_fit_is_found() -> None:
    assert shorten(ValueError(NESTED)) == (
        "lightning.pytorch.loggers.MLFlowLogger: Requirement 'mlflow>=1.0.0' not met."
    )
    assert shorten(KeyError()) == "KeyError"


def test_errors_of_lightning_and_of_the_parser_become_one_line() -> None:
    with pytest.raises(ValueError, match="This configuration does not work: lightning"), told_in_one_line():
        raise ValueError(NESTED)
    with pytest.raises(ValueError, match=r"max_steps. must be"), told_in_one_line():
        Trainer(max_steps=-5, logger=False)


@pytest.mark.parametrize("error", [ValueError("Expected a"), TypeError("a bug"), AssertionError("a\nbug")])
def test_other_errors_stay_as_they_are(error: Exception) -> None:
    with pytest.raises(type(error)) as caught, told_in_one_line():
        raise error
    assert caught.value is error


def test_metric_that_is_missing_after_an_epoch_is_a_users_mistake() -> None:
    with pytest.raises(RuntimeError, match="not available") as caught:
        EarlyStopping(monitor="mine")._validate_condition_metric({})
    assert is_about_configuration(caught.value)
    told = ending_of(caught.value)
    assert told is not None
    assert "\n" not in told[0]
    assert told[1] == 1


def test_errors_of_other_code_are_no_users_mistake() -> None:
    assert is_about_configuration(MisconfigurationException("x"))
    for error in (ValueError("x"), RuntimeError("x"), KeyError("x")):
        assert not is_about_configuration(error)
        assert ending_of(error) is None
