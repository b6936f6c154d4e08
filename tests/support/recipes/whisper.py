"""Whisper checkpoints made at test time: real files, loaded and decoded by the real code.

    path = speaking(folder / "model.pt", " The people here love the sea.", language="es")
    path = reading(folder / "model.pt", [(Span(0.1, 3.2), " Good morning."), ...])
    path = random(folder / "random.pt")

A random one hears something else in every sound. A speaking one says its text to any sound: its
decoder's layers add nothing, and the embedding of each position points to the token that comes
next, faintly where it is to be unsure. A reading one also attends to where in the sound each
token is: one half of its state is what comes next, the other is when.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from dub_platform.core.speech import Span

if TYPE_CHECKING:
    import torch
    from whisper import Whisper
    from whisper.tokenizer import Tokenizer

# Two layers, and the vocabulary of Whisper's models before large-v3: 15 MB.
_STATE = 64
_LANGUAGES = 99
_VOCABULARY = 51865
# The right token's logit: against all others together it is near 1, or about 0.15.
_SURE = 24.0
_UNSURE = 10.0
# So long that the embedding of the token before turns it by nothing that matters.
_LOUD = 1000.0
# What the encoder makes of 30 s.
_FRAMES = 1500
_FRAMES_PER_SECOND = 50
# Where the first token of the text is foretold, after those that say what is asked for.
_FIRST = 3


def random(path: Path, seed: int = 0) -> Path:
    """A checkpoint of random weights, which goes on for as long as it is let."""
    import torch

    model = _random_model(seed)
    with torch.no_grad():
        # Marks are no text: neither its end nor a language is ever the likeliest token.
        model.decoder.token_embedding.weight[_tokenizer().eot :] *= 0.01
        # What it says hangs on the sound, and less on the word before.
        for block in model.decoder.blocks:
            block.cross_attn.query.weight *= 20.0
            block.cross_attn.out.weight *= 200.0
    return _save(model, path)


def speaking(
    path: Path, text: str, *, language: str = "en", unsure: bool = False, no_speech: bool = False
) -> Path:
    """A checkpoint that says `text` in a language, or that there is no speech before it does."""
    import torch

    model, tokens = _random_model(0), _tokenizer()
    first = tokens.no_speech if no_speech else tokens.to_language_token(language)
    with torch.no_grad():
        embedding = _foretelling(model, _UNSURE if unsure else _SURE)
        positions = model.decoder.positional_embedding
        positions[0] = _LOUD * embedding[first]
        for position, token in enumerate([*tokens.encode(text), tokens.eot], _FIRST):
            positions[position] = _LOUD * embedding[token]
    return _save(model, path)


def reading(path: Path, said: Sequence[tuple[Span, str]]) -> Path:
    """A checkpoint that says each of the texts at its time, in seconds of what it is played."""
    import torch

    model, tokens = _random_model(0, 2 * _STATE), _tokenizer()
    with torch.no_grad():
        model.decoder.token_embedding.weight[:, _STATE:] = 0.0
        embedding = _foretelling(model, _SURE)
        moments = _attending(model)
        positions = model.decoder.positional_embedding
        for position, (token, time) in enumerate(_time_tokens(said, tokens), _FIRST):
            frame = round(time * _FRAMES_PER_SECOND)
            positions[position] = _LOUD * (embedding[token] + moments[frame])
    return _save(model, path)


def _time_tokens(said: Sequence[tuple[Span, str]], tokens: Tokenizer) -> list[tuple[int, float]]:
    """Return every token with the middle of its share of the time, and the end after the last."""
    timed: list[tuple[int, float]] = []
    for span, text in said:
        encoded = tokens.encode(text)
        share = span.seconds / len(encoded)
        timed += [(token, span.start + (n + 0.5) * share) for n, token in enumerate(encoded)]
    return [*timed, (tokens.eot, said[-1][0].end)]


def _foretelling(model: Whisper, logit: float) -> torch.Tensor:
    """Make each position say what it points to; the embeddings of all tokens, of length 1."""
    import torch

    for block in model.decoder.blocks:
        _silence(block.attn.out, block.cross_attn.out, block.mlp[2])
    embedding = model.decoder.token_embedding.weight
    embedding.copy_(torch.nn.functional.normalize(embedding, dim=1))
    model.decoder.ln.weight.fill_(logit / _STATE**0.5)
    model.decoder.ln.bias.zero_()
    return embedding


def _attending(model: Whisper) -> torch.Tensor:
    """Make each position attend to a moment; the moments (frames, state), of length 1."""
    import torch
    from whisper.model import sinusoids

    _silence(model.encoder.conv1, model.encoder.conv2)
    for block in model.encoder.blocks:
        _silence(block.attn.out, block.mlp[2])
    moments = torch.zeros(_FRAMES, 2 * _STATE)
    moments[:, _STATE:] = torch.nn.functional.normalize(sinusoids(_FRAMES, _STATE), dim=1)
    model.encoder.positional_embedding.copy_(moments)
    when = torch.eye(2 * _STATE)[_STATE:].repeat(2, 1)
    for block in model.decoder.blocks:
        block.cross_attn.query.weight.copy_(when)
        block.cross_attn.query.bias.zero_()
        block.cross_attn.key.weight.copy_(when)
    return moments


def _silence(*layers: torch.nn.Linear | torch.nn.Conv1d) -> None:
    """Make them add nothing."""
    for layer in layers:
        layer.weight.zero_()
        if layer.bias is not None:
            layer.bias.zero_()


def _random_model(seed: int, state: int = _STATE) -> Whisper:
    import torch
    from whisper.model import ModelDimensions, Whisper

    torch.manual_seed(seed)
    dimensions = ModelDimensions(
        n_mels=80,
        n_audio_ctx=_FRAMES,
        n_audio_state=state,
        n_audio_head=2,
        n_audio_layer=2,
        n_vocab=_VOCABULARY,
        n_text_ctx=448,
        n_text_state=state,
        n_text_head=2,
        n_text_layer=2,
    )
    model = Whisper(dimensions)
    # The package makes room for these and expects a checkpoint to fill it.
    torch.nn.init.normal_(model.decoder.positional_embedding)
    return model


def _tokenizer() -> Tokenizer:
    from whisper.tokenizer import get_tokenizer

    return get_tokenizer(multilingual=True, num_languages=_LANGUAGES, language="en")


def _save(model: Whisper, path: Path) -> Path:
    import dataclasses

    import torch

    state = {"dims": dataclasses.asdict(model.dims), "model_state_dict": model.state_dict()}
    torch.save(state, path)
    return path
