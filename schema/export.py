"""`make schema`: the SDL, for clients and their tools. A test fails when the file is stale."""

from pathlib import Path

from schema.build import build_schema

SDL = Path(__file__).with_name("schema.graphql")


def sdl() -> str:
    """The schema in the schema definition language."""
    return build_schema().as_str() + "\n"


if __name__ == "__main__":
    SDL.write_text(sdl(), encoding="utf-8")
