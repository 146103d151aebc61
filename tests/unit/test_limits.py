import pytest

from app.limits import Limits, load_limits
from app.settings import Settings, SettingsError


@pytest.mark.parametrize("field", list(Limits.model_fields))
def test_a_wrong_limit_is_named_with_what_it_takes(monkeypatch: pytest.MonkeyPatch, field: str) -> None:
    name = f"PAYGATE_{field.upper()}"
    for wrong in ("-1", "many"):
        monkeypatch.setenv(name, wrong)
        with pytest.raises(SettingsError) as refused:
            load_limits()
        (complaint,) = str(refused.value).splitlines()
        assert complaint.startswith(f"{name}: ")
        assert complaint.endswith(str(Limits.model_fields[field].description))


def test_no_variable_is_read_twice() -> None:
    assert not set(Limits.model_fields) & set(Settings.model_fields)
