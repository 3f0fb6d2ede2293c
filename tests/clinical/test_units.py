import pytest

from mdfnet.clinical.units import UNITS, convert
from mdfnet.core.errors import UserError

#: Published equivalents (NIST SP 811; conventional definitions).
EQUIVALENTS = [
    pytest.param(212, "[degF]", 100, "Cel", id="water boils"),
    pytest.param(-40, "[degF]", -40, "Cel", id="where the two scales meet"),
    pytest.param(310.15, "K", 37, "Cel", id="body temperature in kelvin"),
    pytest.param(310.15, "K", 98.6, "[degF]", id="between two units that are not the first"),
    pytest.param(72, "{beats}/min", 72, "/min", id="annotations do not count"),
    pytest.param(1.2, "Hz", 72, "/min", id="per second"),
    pytest.param(16, "kPa", 120.0099, "mm[Hg]", id="blood pressure in kilopascal"),
    pytest.param(18, "mo", 1.5, "a", id="an infant's age"),
    pytest.param(1461, "d", 4, "a", id="Julian year"),
    pytest.param(150, "[lb_av]", 68.0389, "kg", id="pound"),
    pytest.param(70, "[in_i]", 1.778, "m", id="inch"),
]


@pytest.mark.parametrize(("value", "unit", "expected", "target"), EQUIVALENTS)
def test_equivalents(value, unit, expected, target):
    assert convert(value, unit, target) == pytest.approx(expected, rel=1e-6)
    assert convert(convert(value, unit, target), target, unit) == pytest.approx(value, rel=1e-12)


@pytest.mark.parametrize("unit", [unit for units in UNITS.values() for unit in units])
def test_same_unit_changes_nothing(unit):
    assert convert(0.1, unit, unit) == 0.1


@pytest.mark.parametrize(
    ("unit", "target", "message"),
    [
        pytest.param("Cel", "/min", "does not fit '/min'", id="other dimension"),
        pytest.param("%", "1", "does not fit", id="percent is no score"),
        pytest.param("degF", "Cel", r"did you mean '\[degF\]'", id="not UCUM"),
    ],
)
def test_misfits_are_refused(unit, target, message):
    with pytest.raises(UserError, match=message):
        convert(1.0, unit, target)
