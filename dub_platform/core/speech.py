"""The values that travel down the pipeline, one frozen dataclass for each stage.

    SourceMedia -> Audio -> Transcript -> Translation -> Takes -> Track -> Release

Times are seconds from the start of the video. Keys are paths in the artifact store.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass, replace
from typing import Any

from dub_platform.core.keys import key_of
from dub_platform.core.style.brief import Brief
from dub_platform.core.timeline import Timeline


@dataclass(frozen=True)
class Span:
    """A stretch of time, `start` inclusive, `end` exclusive, in seconds."""

    start: float
    end: float

    @property
    def seconds(self) -> float:
        return self.end - self.start


@dataclass(frozen=True)
class SourceMedia:
    """The original as fetched or uploaded, with its facts and the captions found beside it.

    `pixel_format` is ffmpeg's name for how a pixel is kept, None where it is not known;
    `audio_stream` is which of the file's sounds is dubbed, from 0.
    """

    key: str
    sha256: str
    bytes: int
    seconds: float
    container: str
    video_codec: str | None
    audio_codec: str
    width: int
    height: int
    title: str
    language: str
    captions_key: str | None = None
    pixel_format: str | None = None
    audio_stream: int = 0


@dataclass(frozen=True)
class Audio:
    """What is listened to and mixed from.

    `sound_key` is 48 kHz stereo FLAC as long as the video; `speech_key` is 16 kHz mono WAV of
    the same; `speech` is where a voice was found in it, and `cuts` are the seconds at which a shot
    of the pictures is known to end.
    """

    sound_key: str
    speech_key: str
    seconds: float
    lufs: float
    speech: tuple[Span, ...]
    cuts: tuple[float, ...] = ()

    @property
    def speech_seconds(self) -> float:
        return sum(span.seconds for span in self.speech)


@dataclass(frozen=True)
class Word:
    """One recognised word; `confidence` is 0 to 1.

    `doubt` says why the recogniser itself does not trust it, and is empty where it does.
    """

    text: str
    start: float
    end: float
    confidence: float = 1.0
    doubt: str = ""


@dataclass(frozen=True)
class Segment:
    """A timed piece of recognised speech by one speaker. Words are in order and never empty."""

    words: tuple[Word, ...]
    speaker: str = "1"


@dataclass(frozen=True)
class Heard:
    """What a transcriber made of the audio, before it is regrouped into lines.

    `why` says what was chosen or left out; `cost_usd` is what was paid now. A recogniser that is
    less sure of its words than `least_confidence` is not believed, nor one that hears an
    `other_language` than was named.
    """

    language: str
    engine: str
    segments: tuple[Segment, ...]
    why: str = ""
    cost_usd: float = 0.0
    least_confidence: float = 0.0
    other_language: str = ""


@dataclass(frozen=True)
class Line:
    """The unit that is translated and spoken; `start` and `end` are its slot.

    `doubt` says why the recogniser does not trust some of its words; empty where it does. `pauses`
    are where its speaker is silent within it, in order.
    """

    id: int
    start: float
    end: float
    text: str
    speaker: str = "1"
    confidence: float = 1.0
    doubt: str = ""
    pauses: tuple[Span, ...] = ()

    @property
    def seconds(self) -> float:
        return self.end - self.start


@dataclass(frozen=True)
class Transcript:
    """Who says what when, in lines ordered by start.

    `least_confidence` and `other_language` are as in `Heard`. `made_of` is the key of all that was
    listened to, and `captions_key` that of the captions beside it. `heard` are the lines as they
    were heard, where some are corrected; `revision` says up to which change of the video's words.
    """

    language: str
    engine: str
    lines: tuple[Line, ...]
    why: str = ""
    least_confidence: float = 0.0
    other_language: str = ""
    made_of: str = ""
    captions_key: str | None = None
    heard: tuple[Line, ...] = ()
    revision: int = 0

    @property
    def as_heard(self) -> tuple[Line, ...]:
        """The lines before anybody corrected them."""
        return self.heard or self.lines

    @property
    def speakers(self) -> list[str]:
        """Who speaks in it, each once."""
        return sorted({line.speaker for line in self.lines})

    @property
    def end(self) -> float:
        """Where its last line ends, in seconds."""
        return max((line.end for line in self.lines), default=0.0)

    @property
    def identity(self) -> list[list[Any]]:
        """What it says and when, in plain JSON types."""
        return [
            [line.start, line.end, line.speaker, line.text, *map(astuple, line.pauses)]
            for line in self.lines
        ]


@dataclass(frozen=True)
class Basis:
    """What a sound says, by which it is told whether that is still what it should say.

    `revision` is that of what is said in the video, `version` that of its translation (empty where
    it was not noted), and `wording` the key of the wording that its translator heeded, None where
    it heeds none. `old_edits` is how many of its lines were edited before their source was
    corrected.
    """

    revision: int = 0
    version: str = ""
    wording: str | None = None
    old_edits: int = 0


@dataclass(frozen=True)
class TranslatedLine:
    """One line in the target language; `id` is the transcript line's.

    `draft` is what its translator wrote, where somebody has edited it. `source` is what was said as
    its translator read it; where that was corrected later, `misheard` is what it was taken for at
    first, and `beside` its translation then, of which the voice of its neighbours is told.
    """

    id: int
    text: str
    draft: str | None = None
    source: str | None = None
    misheard: str | None = None
    beside: str | None = None

    @property
    def unedited_text(self) -> str:
        """The text as its translator wrote it."""
        return self.text if self.draft is None else self.draft

    @property
    def text_for_neighbours(self) -> str:
        """The text that a voice is told when it speaks a line beside this one: the same, whatever
        was edited or corrected, so that no neighbour is spoken and paid for anew."""
        return self.unedited_text if self.beside is None else self.beside


@dataclass(frozen=True)
class Translation:
    """Every line of the transcript in the target language, in the same order.

    `made_of` and `revision` are the transcript's, `wording` and `old_edits` as in `Basis`. `brief`
    is what its translator was told besides the lines; translations from before it was noted have
    none.
    """

    language: str
    engine: str
    lines: tuple[TranslatedLine, ...]
    rewrites: int = 0
    cost_usd: float = 0.0
    made_of: str = ""
    revision: int = 0
    wording: str | None = None
    old_edits: int = 0
    brief: Brief | None = None

    @property
    def identity(self) -> list[list[int | str | None]]:
        """What it says, in plain JSON types."""
        return [
            [line.id, line.text, line.draft, *([line.beside] if line.beside else [])]
            for line in self.lines
        ]

    @property
    def basis(self) -> Basis:
        """What a sound says that is made of this."""
        version = key_of(self.identity)[:16]
        return Basis(self.revision, version, self.wording, self.old_edits)


@dataclass(frozen=True)
class Take:
    """One synthesised recording of a line.

    `key` is the sha256 of everything that shapes the sound; the recording lies under
    `audio_key`. Speech runs from `speech_start` to `speech_end` inside it, in seconds.
    """

    line_id: int
    key: str
    audio_key: str
    seconds: float
    speech_start: float
    speech_end: float
    characters: int
    cost_usd: float = 0.0
    reused: bool = False

    @property
    def speech_seconds(self) -> float:
        return self.speech_end - self.speech_start

    @property
    def paid_usd(self) -> float:
        """What was paid for it now."""
        return 0.0 if self.reused else self.cost_usd


@dataclass(frozen=True)
class Rewrite:
    """What is spoken in place of a translation that did not fit once it was spoken.

    Where the take of the new words was no shorter, `text` is the same as `instead_of`. The take
    that is not used lies under `spare_key`, kept as long as the one that is.
    """

    line_id: int
    instead_of: str
    text: str
    spare_key: str


@dataclass(frozen=True)
class Takes:
    """One take per translated line, with the receipt.

    `rewriting_usd` is what was paid now for rewrites, and for takes that are not used.
    """

    language: str
    engine: str
    takes: tuple[Take, ...]
    rewrites: tuple[Rewrite, ...] = ()
    rewriting_usd: float = 0.0
    basis: Basis = Basis()

    @property
    def paid_takes(self) -> list[Take]:
        """The takes that were spoken now, and not found."""
        return [take for take in self.takes if not take.reused]

    @property
    def cost_usd(self) -> float:
        """What was paid now: a reused take was paid for before."""
        return self.rewriting_usd + sum(take.paid_usd for take in self.takes)

    def with_rewrite(self, text: str, instead_of: str, take: Take) -> Takes:
        """Return these takes with the shorter of a line's take and `take`, which says `text`."""
        before = next(each for each in self.takes if each.line_id == take.line_id)
        used, spare = (
            (take, before) if take.speech_seconds < before.speech_seconds else (before, take)
        )
        said = text if used is take else instead_of
        return replace(
            self,
            takes=tuple(used if each is before else each for each in self.takes),
            rewrites=(*self.rewrites, Rewrite(take.line_id, instead_of, said, spare.audio_key)),
            rewriting_usd=self.rewriting_usd + spare.paid_usd,
        )

    def apply_rewrites(self, translation: Translation) -> Translation:
        """Return the translation as it is spoken: rewritten where these takes say other words."""
        texts = {(each.line_id, each.instead_of): each.text for each in self.rewrites}
        lines = tuple(
            line
            if line.draft is not None
            else replace(line, text=texts.get((line.id, line.text), line.text))
            for line in translation.lines
        )
        return replace(translation, lines=lines)


@dataclass(frozen=True)
class Track:
    """The timeline and the mixed track, with what was measured on the encoded file.

    `bed_key` is what the takes were mixed with, and `outline` is how loud each of some places is
    beside the loudest, for pictures; tracks from before these were noted have none.
    """

    key: str
    sha256: str
    bytes: int
    seconds: float
    lufs: float
    true_peak_db: float
    timeline: Timeline
    bed_key: str = ""
    basis: Basis = Basis()
    outline: tuple[int, ...] = ()


@dataclass(frozen=True)
class Release:
    """A dub as published. Every `*_key` is public, below the store's `releases/`; the last four
    are the `Basis` of its track."""

    language: str
    track_key: str
    manifest_key: str
    captions_keys: dict[str, str]
    seconds: float
    lufs: float
    true_peak_db: float
    onset_p95_ms: float
    tempo_p95: float
    bytes: int
    sha256: str
    cost_usd: float
    revision: int = 0
    version: str = ""
    wording: str | None = None
    old_edits: int = 0
