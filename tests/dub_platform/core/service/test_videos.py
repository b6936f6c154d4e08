"""Video ids: what names a video, and what never gets as far as a path or a URL."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dub_platform.core.errors import InvalidVideoIdError
from dub_platform.core.service.videos import check_video_id, upload_id, youtube_id

ID = "dQw4w9WgXcQ"
UPLOAD = "up-0123456789abcdef0123456789abcdef"


@pytest.mark.parametrize(
    "text",
    [
        ID,
        f"  {ID}\n",
        f"https://www.youtube.com/watch?v={ID}",
        f"http://youtube.com/watch?v={ID}&t=42s",
        f"https://m.youtube.com/watch?app=desktop&v={ID}",
        f"https://music.youtube.com/watch?v={ID}&list=RDAMVM{ID}",
        f"https://www.youtube.com/shorts/{ID}?feature=share",
        f"https://www.youtube.com/embed/{ID}",
        f"https://www.youtube.com/live/{ID}/",
        f"https://www.youtube.com/v/{ID}",
        f"https://youtu.be/{ID}?si=abc",
        f"youtu.be/{ID}",
        f"www.youtube.com/watch?v={ID}#t=1",
        f"HTTPS://WWW.YOUTUBE.COM/watch?v={ID}",
    ],
)
def test_every_form_of_an_address_names_the_video(text: str) -> None:
    """People paste what they have."""
    assert ID == youtube_id(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "dQw4w9WgXc",
        "dQw4w9WgXcQQ",
        "dQw4w9WgXc/",
        "dQw4w9WgXc\u0661",
        "https://www.youtube.com/",
        "https://www.youtube.com/watch",
        "https://www.youtube.com/watch?v=",
        "https://www.youtube.com/watch?v=../../../etc",
        "https://www.youtube.com/playlist?list=PL1234567890",
        f"https://evil.example/watch?v={ID}",
        f"https://www.youtube.com.evil.example/watch?v={ID}",
        f"https://www.youtube.com@evil.example/watch?v={ID}",
        f"https://evil.example/?u=youtube.com/watch?v={ID}",
        f"file:///watch?v={ID}",
        f"javascript://youtube.com/watch?v={ID}",
        f"http://[::1/watch?v={ID}",
        UPLOAD,
        f"{ID}\n{ID}",
    ],
)
def test_nothing_else_names_a_video(text: str) -> None:
    """Other hosts, other schemes and almost-ids are refused."""
    with pytest.raises(InvalidVideoIdError):
        youtube_id(text)


@given(st.text())
def test_whatever_comes_is_an_id_or_refused(text: str) -> None:
    """No text raises anything else, and what comes out is safe in a path and a URL."""
    try:
        found = youtube_id(text)
    except InvalidVideoIdError:
        return
    assert re.fullmatch(r"[A-Za-z0-9_-]{11}", found)


def test_the_same_content_is_the_same_upload() -> None:
    """The id is made of the content's hash."""
    assert UPLOAD == upload_id("0123456789abcdef" * 4)


@pytest.mark.parametrize("text", [ID, "-_-_-_-_-_-", UPLOAD])
def test_an_id_passes_unchanged(text: str) -> None:
    """Both kinds."""
    assert text == check_video_id(text)


@pytest.mark.parametrize(
    "text",
    ["", ".", "..", "../../etc/passwd", f"{ID}/", f"{ID}\n", UPLOAD[:-1], UPLOAD.upper(), "up-"],
)
def test_what_is_no_id_is_refused(text: str) -> None:
    """Path tricks, line ends and halves of ids."""
    with pytest.raises(InvalidVideoIdError):
        check_video_id(text)
