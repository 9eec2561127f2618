import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.engine.chain import Chain
from service.engine.compile import CompiledTable
from service.engine.table import HitPolicy, Row, Table
from service.engine.trace import step
from service.engine.verify import Kind
from service.engine.vocabulary import Feature
from tests.engine.small_tables import box, feature, holding, no_deadline

WIND, RAIN = feature("wind", "weak", "strong"), feature("rain", "none", "some")
ROUGH = Table(
    "rough",
    HitPolicy.PRIORITY,
    (WIND, RAIN),
    ("yes", "no"),
    (Row("storm", "yes", (box(wind="strong"),)), Row("calm", "no", (box(),))),
)
AT_SEA = Feature("rough", ("yes", "no"))
SAIL = Table(
    "sail",
    HitPolicy.UNIQUE,
    (AT_SEA, RAIN),
    ("stay", "go"),
    (Row("in port", "stay", (box(rough="yes"),)), Row("out", "go", (box(rough="no"),))),
)


def test_each_table_adds_the_feature_of_its_name_for_those_after_it():
    chain = Chain((WIND, RAIN), (ROUGH, SAIL))
    assert chain.derive({"wind": "strong", "rain": "none"}) == {
        "wind": "strong", "rain": "none", "rough": "yes", "sail": "stay",
    }  # fmt: skip
    assert chain.features["sail"] == Feature("sail", ("stay", "go"))


def test_the_point_given_is_left_alone():
    point = {"wind": "weak", "rain": "some"}
    Chain((WIND, RAIN), (ROUGH, SAIL)).derive(point)
    assert point == {"wind": "weak", "rain": "some"}


SWELL = Table(
    "swell",
    HitPolicy.UNIQUE,
    (WIND,),
    ("high", "low"),
    (Row("high", "high", (box(wind="strong"),)), Row("low", "low", (box(wind="weak"),))),
)
SKY = feature("sky", "clear", "grey")
DULL = Table(
    "dull",
    HitPolicy.PRIORITY,
    (SKY, Feature("sail", ("stay", "go"))),
    ("yes", "no"),
    (Row("grey", "yes", (box(sky="grey", sail="stay"),)), Row("fair", "no", (box(),))),
)


@given(st.fixed_dictionaries({each.name: st.sampled_from(each.values) for each in (WIND, RAIN, SKY)}))
def test_tables_asked_together_give_what_one_after_the_other_gives(point):
    tables = (ROUGH, SAIL, SWELL, DULL)
    asked = dict(point)
    for table in tables:
        asked[table.name] = CompiledTable(table).decide(asked).output
    assert Chain((WIND, RAIN, SKY), tables).derive(point) == asked


ANY = st.fixed_dictionaries({"wind": st.sampled_from(WIND.values), "rain": st.sampled_from(RAIN.values)})


@given(ANY, ANY, st.sets(st.sampled_from(["wind", "rain"])))
def test_what_moves_is_what_deriving_anew_gives(before, after, names):
    chain = Chain((WIND, RAIN), (ROUGH, SAIL))
    derived, changes = chain.derive(before), {name: after[name] for name in names}
    kept, anew = dict(derived), chain.derive({**before, **changes})
    assert chain.moved(derived, changes) == {name: anew[name] for name in anew if anew[name] != kept[name]}
    assert derived == kept


def test_what_moves_depends_on_what_the_tables_behind_it_read():
    chain = Chain((WIND, RAIN), (ROUGH, SAIL))
    assert chain.heard(["wind"]) == {"wind", "rain"}
    assert Chain((WIND, RAIN), (ROUGH,)).heard([]) == frozenset()


def test_the_trace_has_a_step_for_each_table_in_order():
    chain = Chain((WIND, RAIN), (ROUGH, SAIL))
    derived = chain.derive({"wind": "weak", "rain": "none"})
    steps = [step(table, derived) for table in chain.tables]
    assert [(each.table, each.row, each.output) for each in steps] == [("rough", "calm", "no"), ("sail", "out", "go")]


@pytest.mark.parametrize(
    ("stated", "tables", "told"),
    [
        ((WIND, RAIN), (SAIL, ROUGH), r"table sail: reads \['rough'\]"),
        ((WIND,), (ROUGH,), r"table rough: reads \['rain'\]"),
        ((WIND, feature("rain", "none", "some", "much")), (ROUGH,), r"table rough: reads \['rain'\]"),
        ((WIND, RAIN, feature("rough", "yes", "no")), (ROUGH,), "table rough: that feature exists already"),
        ((WIND, RAIN), (ROUGH, ROUGH), "table rough: that feature exists already"),
    ],
    ids=["before it is derived", "never stated", "other values", "stated already", "derived twice"],
)
def test_tables_out_of_order_are_refused_by_name(stated, tables, told):
    with pytest.raises(ValueError, match=told):
        Chain(stated, tables)


def test_a_table_that_reads_what_it_gives_is_refused():
    circular = Table("rough", HitPolicy.UNIQUE, (AT_SEA,), ("yes", "no"), (Row("r", "yes", (box(),)),))
    with pytest.raises(ValueError, match="reads"):
        Chain((WIND, RAIN), (circular,))


def test_a_table_that_collects_derives_nothing():
    collecting = Table("rough", HitPolicy.COLLECT, (WIND,), ("yes",), (Row("r", "yes", (box(),)),))
    with pytest.raises(ValueError, match="cannot collect"):
        Chain((WIND,), (collecting,))


def test_the_flaws_of_all_tables_are_told_with_the_name_of_the_table():
    gap = Table("rough", HitPolicy.UNIQUE, (WIND,), ("yes", "no"), (Row("r", "yes", (box(wind="strong"),)),))
    overlap = Table(
        "sail", HitPolicy.UNIQUE, (AT_SEA,), ("go",), (Row("a", "go", (box(),)), Row("b", "go", (box(rough="no"),)))
    )
    flaws = Chain((WIND, RAIN), (gap, overlap)).verify()
    assert [(flaw.table, flaw.kind) for flaw in flaws] == [("rough", Kind.GAP), ("sail", Kind.OVERLAP)]


def test_a_chain_without_tables_gives_what_was_stated():
    assert Chain((WIND,), ()).derive({"wind": "weak"}) == {"wind": "weak"}


@no_deadline
@given(st.sampled_from(WIND.values), st.sampled_from(RAIN.values))
def test_deriving_is_asking_one_table_after_the_other(wind, rain):
    point = {"wind": wind, "rain": rain}
    point["rough"] = holding(ROUGH, point)[0].output
    point["sail"] = holding(SAIL, point)[0].output
    assert Chain((WIND, RAIN), (ROUGH, SAIL)).derive({"wind": wind, "rain": rain}) == point
