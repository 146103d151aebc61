from pathlib import Path

import pytest

from tests.laptop.supervisor.scene import Scene


@pytest.fixture
async def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)
