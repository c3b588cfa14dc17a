"""Errors as a person sees them."""

import pickle

import pytest

from schemas import errors
from schemas.errors import ContractError, SettingsError, WinnowError


def test_an_error_lists_what_it_knows_in_order():
    error = WinnowError("it broke", remedy="mend it", where="here", expected="a whole one")
    assert str(error) == "it broke\n  expected: a whole one\n  where: here\n  remedy: mend it"
    assert str(WinnowError("it broke", where="here")) == "it broke\n  where: here"


@pytest.mark.parametrize("name", [n for n in vars(errors) if n.endswith("Error")])
def test_every_error_is_a_winnow_error_and_crosses_processes_whole(name):
    kind = getattr(errors, name)
    assert issubclass(kind, WinnowError)
    error = pickle.loads(pickle.dumps(kind("p", expected="e", where="w", remedy="r")))
    assert type(error) is kind
    assert str(error) == "p\n  expected: e\n  where: w\n  remedy: r"


def test_wrong_use_is_told_from_a_found_problem():
    assert not issubclass(SettingsError, ContractError)
    assert not issubclass(ContractError, SettingsError)
