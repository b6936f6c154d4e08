"""Whisper checkpoints made at test time: real files, loaded and decoded by the real code.

    path = speaking(folder / "model.pt", " The people here love the sea.", language="es")
    path = random(folder / "random.pt")

A random one hears something else in every sound. A speaking one says its text to any sound: its
decoder's layers add nothing, and the embedding of each position points to the token that comes
next, faintly where it is to be unsure.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from whisper import Whisper
    from whisper.tokenizer import Tokenizer

# Two layers, and the vocabulary of Whisper's models before large-v3: 15 MB.
_STATE = 64
_LANGUAGES = 99
_VOCABULARY = 51865
# The right token's logit: against all others together it is near 1, or about 0.15.
_SURE = 24.0
_UNSURE = 10.0


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
    return _saved(model, path)


def speaking(
    path: Path, text: str, *, language: str = "en", unsure: bool = False, no_speech: bool = False
) -> Path:
    """A checkpoint that says `text` in a language, or that there is no speech before it does."""
    import torch

    model, tokens = _random_model(0), _tokenizer()
    with torch.no_grad():
        for block in model.decoder.blocks:
            for layer in (block.attn.out, block.cross_attn.out, block.mlp[2]):
                layer.weight.zero_()
                layer.bias.zero_()
        embedding = model.decoder.token_embedding.weight
        embedding.copy_(torch.nn.functional.normalize(embedding, dim=1))
        positions = model.decoder.positional_embedding
        # So long that the embedding of the token before turns it by nothing that matters.
        first = tokens.no_speech if no_speech else tokens.to_language_token(language)
        positions[0] = 1000.0 * embedding[first]
        for position, token in enumerate([*tokens.encode(text), tokens.eot], 3):
            positions[position] = 1000.0 * embedding[token]
        model.decoder.ln.weight.fill_((_UNSURE if unsure else _SURE) / _STATE**0.5)
        model.decoder.ln.bias.zero_()
    return _saved(model, path)


def _random_model(seed: int) -> Whisper:
    import torch
    from whisper.model import ModelDimensions, Whisper

    torch.manual_seed(seed)
    dimensions = ModelDimensions(
        n_mels=80,
        n_audio_ctx=1500,
        n_audio_state=_STATE,
        n_audio_head=2,
        n_audio_layer=2,
        n_vocab=_VOCABULARY,
        n_text_ctx=448,
        n_text_state=_STATE,
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


def _saved(model: Whisper, path: Path) -> Path:
    import dataclasses

    import torch

    state = {"dims": dataclasses.asdict(model.dims), "model_state_dict": model.state_dict()}
    torch.save(state, path)
    return path
