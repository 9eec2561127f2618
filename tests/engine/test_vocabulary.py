import pytest

from service.engine.vocabulary import UNKNOWN, Feature


def test_a_feature_keeps_the_order_of_its_values():
    assert Feature("wet", (UNKNOWN, "yes", "no")).values == ("unknown", "yes", "no")


def test_a_feature_cannot_be_changed():
    with pytest.raises(AttributeError):
        Feature("wet", ("yes",)).values = ("no",)


@pytest.mark.parametrize("values", [(), ("yes", "no", "yes")])
def test_a_feature_without_values_or_with_one_twice_is_refused_by_name(values):
    with pytest.raises(ValueError, match="'wet'"):
        Feature("wet", values)


def test_equal_features_are_one():
    assert Feature("wet", ("yes", "no")) == Feature("wet", ("yes", "no"))
    assert Feature("wet", ("yes", "no")) != Feature("wet", ("no", "yes"))
