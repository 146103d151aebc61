"""What the README says is so."""

from pathlib import Path

from app.cli import cli
from app.providers.registry import ALL_SETTINGS
from app.settings import variable

README = (Path(__file__).parent.parent / "README.md").read_text("utf-8")


def test_the_table_of_settings_is_the_settings() -> None:
    rows = []
    for group in ALL_SETTINGS:
        for name, field in group.model_fields.items():
            default = getattr(field.default, "value", field.default)
            shown = "" if default is None or field.is_required() else f"`{default}`"
            rows.append(f"| `{variable(group, name)}` | {shown} | {field.description} |")
    assert [row for row in README.splitlines() if row.startswith("| `PAYGATE_")] == rows


def test_the_table_of_commands_names_every_command() -> None:
    names = {command.name or command.callback.__name__ for command in cli.registered_commands if command.callback}
    assert {name for name in names if f"| `paygate {name}" not in README} == set()
