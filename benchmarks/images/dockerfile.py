"""A Dockerfile, read into its stages.

stages(Path("deploy/Dockerfile"))["api"].parent    # "engines"
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from dockerfile_parse import DockerfileParser


@dataclass(frozen=True)
class Step:
    """An instruction of a stage, such as RUN, and what stands after it."""

    instruction: str
    value: str


@dataclass(frozen=True)
class Stage:
    """What is made, from which other stage or image, by which steps."""

    name: str
    parent: str
    steps: tuple[Step, ...]


def stages(path: Path) -> dict[str, Stage]:
    """The stages of a Dockerfile by their names, in their order."""
    found: dict[str, tuple[str, list[Step]]] = {}
    with path.open("rb") as file:
        for each in DockerfileParser(fileobj=file).structure:
            instruction, value = each["instruction"], each["value"]
            if instruction == "FROM":
                parent, _, name = value.partition(" AS ")
                steps: list[Step] = []
                found[name] = (parent, steps)
            elif instruction != "COMMENT":
                steps.append(Step(instruction, value))
    return {name: Stage(name, parent, tuple(steps)) for name, (parent, steps) in found.items()}
