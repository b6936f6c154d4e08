"""Images as layers of folders: a stage's steps are carried out by chroot, as docker's builder does.

    builder = Builder(stages, context, folder, bases, log)
    builder.build("api").layers         # folders, the lowest first

A layer holds what a stage adds to its parent's, by the kernel's overlay file system. `RUN` is done
as the image's user with the image's variables, and with what this machine knows of where packages
come from.
"""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from benchmarks.images.dockerfile import Stage, Step
from benchmarks.portability import handed_in
from benchmarks.portability.root import ALONE

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class ImageError(Exception):
    """An image cannot be made; the message says at which step."""


@dataclass(frozen=True)
class Image:
    """Layers, the lowest first, and how a container begins in them."""

    layers: tuple[Path, ...]
    variables: Mapping[str, str] = field(default_factory=lambda: {"PATH": PATH})
    place: str = "/"
    user: str = "0"
    entry: tuple[str, ...] = ()
    command: tuple[str, ...] = ()

    def mounting(self, at: Path, upper: Path) -> str:
        """The shell's command that shows the layers at a folder; `upper` takes what is written."""
        lower = ":".join(str(layer) for layer in reversed(self.layers))
        work = upper.with_name(f"{upper.name}.work")
        for each in (at, upper, work):
            each.mkdir(parents=True, exist_ok=True)
        options = f"lowerdir={lower},upperdir={upper},workdir={work}"
        return shlex.join(["mount", "-t", "overlay", "overlay", "-o", options, str(at)])


@dataclass
class Builder:
    """Makes images of the stages of a Dockerfile; each step that was carried out is in `done`."""

    stages: Mapping[str, Stage]
    context: Path
    folder: Path
    bases: Mapping[str, Image]
    log: Path
    arguments: Mapping[str, str] = field(default_factory=dict)
    # What a step needs that this machine cannot reach, by a word of the step, and what is done
    # in its place.
    replaced: Mapping[str, str] = field(default_factory=dict)
    done: list[Step] = field(default_factory=list, init=False)
    made: dict[str, Image] = field(default_factory=dict, init=False)

    def build(self, name: str) -> Image:
        """The image of a stage or a base. Raises ImageError."""
        if name in self.bases:
            return self.bases[name]
        if name not in self.made:
            stage = self.stages[name]
            parent, layer = self.build(stage.parent), self.folder / name
            layer.mkdir(parents=True)
            image = replace(parent, layers=(*parent.layers, layer))
            for step in stage.steps:
                image = self._carry_out(step, image)
            self.made[name] = image
        return self.made[name]

    def layer(self, parent: Image, name: str, commands: str) -> Image:
        """Make an image of another one and what root's commands add to it. Raises ImageError."""
        layer = self.folder / name
        layer.mkdir(parents=True)
        image = replace(parent, layers=(*parent.layers, layer))
        self._run(commands, image)
        return image

    def _carry_out(self, step: Step, image: Image) -> Image:
        value = step.value
        if step.instruction == "RUN":
            self._run(self._replacement(value), image)
        elif step.instruction == "COPY":
            self._copy(shlex.split(value), image)
        elif step.instruction in ("ENV", "ARG"):
            image = replace(
                image, variables={**image.variables, **self._read_variables(step, image)}
            )
        elif step.instruction == "WORKDIR":
            image = replace(image, place=value)
            self._enter(f"mkdir -p {shlex.quote(value)}", replace(image, place="/", user="0"))
        elif step.instruction == "USER":
            image = replace(image, user=value)
        elif step.instruction == "CMD":
            image = replace(image, command=tuple(json.loads(value)))
        elif step.instruction == "ENTRYPOINT":
            image = replace(image, entry=tuple(json.loads(value)))
        elif step.instruction != "EXPOSE":
            raise ImageError(f"Nothing here knows the instruction {step.instruction}.")
        self.done.append(step)
        return image

    def _replacement(self, command: str) -> str:
        return next((by for word, by in self.replaced.items() if word in command), command)

    def _read_variables(self, step: Step, image: Image) -> dict[str, str]:
        """Return the variables that a step sets, with those before it filled in."""

        def fill(found: re.Match[str]) -> str:
            return image.variables.get(found[1], "")

        said = dict(word.split("=", 1) for word in shlex.split(step.value))
        if step.instruction == "ARG":
            said = {name: self.arguments.get(name, value) for name, value in said.items()}
        return {name: re.sub(r"\$(\w+)", fill, value) for name, value in said.items()}

    def _run(self, command: str, image: Image) -> None:
        known = {**handed_in.variables(), **image.variables}
        inner = ["env", "-i", *(f"{name}={value}" for name, value in known.items())]
        inner += ["sh", "-c", f"cd {shlex.quote(image.place)}; {command}"]
        self._enter(shlex.join(inner), image)

    def _copy(self, words: list[str], image: Image) -> None:
        options = dict(word[2:].split("=", 1) for word in words if word.startswith("--"))
        *sources, to = [word for word in words if not word.startswith("--")]
        commands = ["mkdir -p /mnt/from"]
        upper = self.folder / "copied"
        if "from" in options:
            shown = self.build(options["from"]).mounting(upper, self.folder / "nothing")
        else:
            upper.mkdir(parents=True, exist_ok=True)
            shown = shlex.join(["mount", "--bind", str(self.context), str(upper)])
        place = Path(image.place) / to
        is_folder = to.endswith("/") or len(sources) > 1
        commands = [f"mkdir -p {shlex.quote(str(place if is_folder else place.parent))}"]
        for source in sources:
            at = f"/mnt/from/{source.lstrip('/')}"
            one = shlex.quote(str(place / Path(source).name) if is_folder else str(place))
            commands += [
                (
                    f"if [ -d {at} ]; then mkdir -p {one}; cp -a {at}/. {one}; "
                    f"else cp -a {at} {one}; fi"
                ),
                f"chown -R 0:0 {one}",
            ]
            if "chmod" in options:
                commands.append(f"chmod {options['chmod']} {one}")
        self._enter("; ".join(commands), replace(image, user="0"), shown, upper)

    def _enter(
        self, command: str, image: Image, before: str = ":", source: Path | None = None
    ) -> None:
        """Carry a command out where the image's layers are the whole system. Raises ImageError."""
        at = self.folder / "root"
        below = replace(image, layers=image.layers[:-1])
        quoted = shlex.quote(str(at))
        commands = [
            before,
            below.mounting(at, image.layers[-1]),
            f"mount -t proc proc {quoted}/proc",
            f"mount --rbind /dev {quoted}/dev",
        ]
        for folder in handed_in.mounts():
            inside = shlex.quote(str(at / folder.relative_to("/")))
            commands += [f"mkdir -p {inside}", f"mount --bind {shlex.quote(str(folder))} {inside}"]
        if source is not None:
            commands += [f"mkdir -p {quoted}/mnt/from", f"mount --rbind {source} {quoted}/mnt/from"]
        change = [
            "chroot",
            f"--userspec={image.user}:{image.user}",
            str(at),
            "bash",
            "-ec",
            command,
        ]
        script = "; ".join([*commands, f"exec {shlex.join(change)}"])
        with self.log.open("ab") as said:
            said.write(f"\n# {command}\n".encode())
            said.flush()
            ended = subprocess.run(
                [*ALONE, "bash", "-ec", script],
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=subprocess.STDOUT,
                check=False,
            )
        if ended.returncode != 0:
            raise ImageError(f"A step did not succeed, see {self.log}: {command[:200]}")
