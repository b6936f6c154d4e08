"""Commands about videos and their dubs: handing in, waiting, looking, removing."""

from __future__ import annotations

import itertools
import sys
import webbrowser
from collections.abc import Collection
from pathlib import Path
from typing import BinaryIO, cast

import rich.progress
from rich.text import Text

from dub_platform.client.answers import DubAnswer, Quote, VideoAnswer, VideoRow
from dub_platform.client.client import DubClient
from dub_platform.client.commands.parsing import (
    SHOWN,
    Asked,
    Commands,
    about_dub,
    about_video,
    add_wording,
    command,
    split_list,
    whole_id,
    wording,
)
from dub_platform.client.errors import DubRemovedError, WrongUseError
from dub_platform.client.following import dubs_in
from dub_platform.client.progress import Pace, Waiting, step
from dub_platform.client.terminal import (
    age,
    err,
    heading,
    out,
    plain,
    show_json,
    show_json_line,
    show_link,
    span,
    state,
)

# Of how many videos it is looked up how long they took.
_MEASURED = 20
# Why what is released of a dub is not what it should say.
_STALE = {
    "source": ", before what is said was corrected",
    "translation": ", before it was translated anew",
    "wording": ", before its channel was worded otherwise",
    "edits": ", with lines edited before their source was corrected (see `dub lines`)",
}


def add_to(commands: Commands) -> None:
    """Add the commands of this module."""
    _add_handing_in(commands)
    _add_looking(commands)
    _add_changing(commands)


def _add_handing_in(commands: Commands) -> None:
    add = command(commands, "add", "hand in a file or a link", _add, "dub add clip.mp4 --to es,ca")
    add.add_argument("--captions", type=Path, help="a file with what is said in the video")
    add.add_argument("--title", help="of a file; its name where this is left out")
    add_wording(add).add_argument(
        "--visibility", choices=("public", "signed"), help="who may watch it"
    )
    add.add_argument("--wait", action="store_true", help="until all of them are released")
    does = "say what a video costs; it is not taken in"
    estimate = command(commands, "estimate", does, _estimate, "dub estimate clip.mp4 --to es,ca")
    for each in (add, estimate):
        each.add_argument("source", help="a file, or a YouTube address or id")
        each.add_argument("--to", required=True, type=split_list, help="languages, as es,fr")
        each.add_argument("--source-language", help="what is spoken in it, or auto")


def _add_looking(commands: Commands) -> None:
    status = command(commands, "status", "how far a video is", _status, "dub status up-e3c8")
    status.add_argument("id", nargs="?", help="the newest video where this is left out")
    videos = command(commands, "videos", "list videos", _videos, "dub videos --dub-status failed")
    videos.add_argument("--language", help="those with a dub in it")
    videos.add_argument("--status", choices=("queued", "running", "prepared", "failed"))
    videos.add_argument("--dub-status", choices=("queued", "running", "released", "failed"))
    videos.add_argument("--search", help="in titles, or what an id begins with")
    videos.add_argument("--oldest", action="store_true", help="the oldest first")
    videos.add_argument("--most", type=int, default=20, help="how many, 20 by default")
    does = "open a video in the browser"
    open_ = command(commands, "open", does, _open, "dub open up-e3c8 es")
    about_video(open_).add_argument("language", nargs="?")
    does = "tell what happens to a video, until it is over"
    about_video(command(commands, "events", does, _events, "dub events up-e3c8"))
    does = "print a dub's captions, or write them into a file"
    captions = command(commands, "captions", does, _captions, "dub captions up-e3c8 es --to es.srt")
    about_dub(captions).add_argument("--kind", choices=("srt", "vtt"), default="srt")
    captions.add_argument("--original", action="store_true", help="those of what was said")
    captions.add_argument("--to", type=Path, help="a file")
    does = "list what a video can be dubbed into"
    languages = command(commands, "languages", does, _languages, "dub languages --from es")
    languages.add_argument("--from", dest="spoken", help="the language spoken in the video")


def _add_changing(commands: Commands) -> None:
    ask = command(commands, "dub", "ask for one more language", _ask, "dub dub up-e3c8 gl --wait")
    add_wording(about_dub(ask)).add_argument("--dry-run", action="store_true", help="what it costs")
    ask.add_argument("--wait", action="store_true", help="until it is released")
    does = "make again what failed or is stale"
    retry = command(commands, "retry", does, _retry, "dub retry up-e3c8 --wait")
    about_video(retry).add_argument("language", nargs="?", help="all that failed without it")
    retry.add_argument("--wait", action="store_true", help="until all of them are released")
    show = command(commands, "show", "say who may watch a video", _show, "dub show up-e3c8 signed")
    about_video(show).add_argument("visibility", choices=("public", "signed"))
    does = "give a video another title"
    rename = command(commands, "rename", does, _rename, 'dub rename up-e3c8 "A morning"')
    about_video(rename).add_argument("title")
    does = "remove a video, or one dub of it, with all that was made of it"
    remove = command(commands, "remove", does, _remove, "dub remove up-e3c8 es")
    about_video(remove).add_argument("language", nargs="?", help="the whole video without it")


def _add(client: DubClient, asked: Asked) -> int:
    video = client.add(
        asked.source,
        asked.to,
        captions=asked.captions,
        title=asked.title,
        source_language=asked.source_language,
        visibility=asked.visibility,
        opened=open_with_bar,
        **wording(asked),
    )
    if not asked.json:
        new = "is handed in" if video.get("created") else "was handed in before"
        out.print(f"{plain(asked.source)} {new}: {video['id']}")
        if video.get("captions_taken") is False:
            out.print("The captions were not taken: this video is being prepared, or was.")
    estimate = video["estimate"]
    if asked.wait:
        codes, seconds = estimate["languages"], estimate.get("seconds")
        video = wait_for(client, video["id"], codes, seconds)
    return show_video(video, estimate["languages"], asked.json)


def _estimate(client: DubClient, asked: Asked) -> int:
    quote = client.estimate(asked.source, asked.to, source_language=asked.source_language)
    return _show_quote(quote, asked)


def _show_quote(quote: Quote, asked: Asked) -> int:
    if asked.json:
        show_json(quote)
        return 0
    told = quote["estimate"]
    of_minute = f"${told['usd_per_minute']:.2f} for each minute"
    whole = f"About ${told['usd']:.2f}, " if "usd" in told else ""
    languages = ", ".join(told["languages"])
    out.print(f"{whole}{of_minute}, into {languages}, at prices of {told['prices_taken_on']}.")
    return 0


def _status(client: DubClient, asked: Asked) -> int:
    return show_video(client.video(whole_id(client, asked.id)), (), asked.json)


def _videos(client: DubClient, asked: Asked) -> int:
    rows = client.videos(
        status=asked.status,
        language=asked.language,
        dub_status=asked.dub_status,
        search=asked.search,
        order="oldest" if asked.oldest else None,
        # 100 is the API's largest page; more are fetched page by page.
        limit=min(max(asked.most, 1), 100),
    )
    some = list(itertools.islice(rows, max(asked.most, 0)))
    if asked.json:
        show_json(some)
        return 0
    for row in some:
        out.print(_row(row))
    if not some:
        out.print("There is none.")
    return 0


def _row(row: VideoRow) -> Text:
    # A program that reads this wants to go on with the id.
    shown = row["id"][:SHOWN] if out.is_terminal else row["id"]
    line = Text(f"{shown}  {age(row['created_at']):<10}  ")
    for dub in row["dubs"]:
        stale = " (stale)" if dub.get("stale") else ""
        line += Text(f"{dub['language']} ") + state(dub["status"]) + Text(f"{stale}  ")
    if row["status"] == "failed":
        line += state("failed") + Text("  ")
    return line + Text(plain(row["title"]))


def _ask(client: DubClient, asked: Asked) -> int:
    video_id = whole_id(client, asked.id)
    if asked.dry_run:
        return _show_quote(client.estimate_dub(video_id, asked.language), asked)
    dub = client.ask(video_id, asked.language, **wording(asked))
    return _end(client, video_id, [dub["language"]], asked)


def _retry(client: DubClient, asked: Asked) -> int:
    video_id = whole_id(client, asked.id)
    dubs = client.video(video_id)["dubs"]
    due = [dub["language"] for dub in dubs if dub["status"] == "failed" or _is_renewed(dub)]
    again = [asked.language] if asked.language else due
    if not again:
        raise WrongUseError(
            f"Nothing of {video_id} failed or is stale, so there is nothing to make again."
        )
    for language in again:
        client.ask(video_id, language)
    return _end(client, video_id, again, asked)


def _end(client: DubClient, video_id: str, languages: Collection[str], asked: Asked) -> int:
    """Show what was asked for: as it is, or with `--wait` when it is over."""
    video = wait_for(client, video_id, languages) if asked.wait else client.video(video_id)
    return show_video(video, languages, asked.json)


def _open(client: DubClient, asked: Asked) -> int:
    video = client.video(whole_id(client, asked.id))
    watch = video["links"]["watch"]
    if asked.language and asked.language not in watch:
        raise WrongUseError(
            f"Nobody asked for this video in {asked.language}: there is {', '.join(watch)}."
        )
    address = watch[asked.language] if asked.language else next(iter(watch.values()))
    if asked.json:
        show_json({"url": address})
    else:
        show_link(address)
    # The server names the address: a file or a program of this machine must not be opened by it.
    if not address.startswith(("http://", "https://")):
        raise WrongUseError("This is no address of a page, so it was not opened.")
    webbrowser.open(address)
    return 0


def _events(client: DubClient, asked: Asked) -> int:
    for event in client.events(whole_id(client, asked.id)):
        if asked.json:
            show_json_line(event)
            continue
        data = event["data"]
        why = f": {data['error']['message']}" if "error" in data else ""
        what = data.get("stage") or event["type"].partition(".")[2]
        who = data.get("language", "video")
        out.print(f"{event['timestamp'][:19]}  {plain(who):<5}  {plain(f'{what}{why}')}")
    return 0


def _captions(client: DubClient, asked: Asked) -> int:
    video_id = whole_id(client, asked.id)
    text = client.captions(video_id, asked.language, asked.kind, of_source=asked.original)
    if asked.json:
        show_json({"captions": text})
    elif asked.to:
        asked.to.write_text(text)
        out.print(f"{asked.to} is written.")
    else:
        sys.stdout.write(text)
    return 0


def _show(client: DubClient, asked: Asked) -> int:
    video = client.show_to(whole_id(client, asked.id), asked.visibility)
    return show_video(video, (), asked.json)


def _rename(client: DubClient, asked: Asked) -> int:
    video = client.rename(whole_id(client, asked.id), asked.title)
    return show_video(video, (), asked.json)


def _remove(client: DubClient, asked: Asked) -> int:
    video_id = whole_id(client, asked.id)
    if asked.language:
        client.remove_dub(video_id, asked.language)
    else:
        client.remove(video_id)
    if asked.json:
        show_json({"removed": video_id, **({"language": asked.language} if asked.language else {})})
    else:
        out.print(f"{' in '.join(filter(None, (video_id, asked.language)))} is removed.")
    return 0


def _languages(client: DubClient, asked: Asked) -> int:
    answer = client.languages(asked.spoken)
    if asked.json:
        show_json(answer)
        return 0
    out.print(f"From {answer['source_language']}:")
    for each in answer["languages"]:
        by = ", then ".join(each["translated_by"])
        named = f"{each['language']:<7} {each['name']:<24}"
        out.print(plain(f"{named} translated by {by}, spoken by {each['spoken_by']}"))
    return 0


def wait_for(
    client: DubClient, video_id: str, languages: Collection[str], seconds: float | None = None
) -> VideoAnswer:
    """Return the video when these dubs are over; a bar shows how far they are. Raises
    DubRemovedError."""
    measured = itertools.islice(client.videos(dub_status="released", limit=_MEASURED), _MEASURED)
    awaited: set[str] = set()
    with Waiting(languages, Pace.measure(measured), seconds) as waiting:
        for video in client.follow(video_id, languages):
            awaited |= {dub["language"] for dub in dubs_in(video, languages)}
            waiting.show(video)
    if gone := awaited - {dub["language"] for dub in video["dubs"]}:
        raise DubRemovedError(gone)
    return video


def show_video(video: VideoAnswer, languages: Collection[str], as_json: bool) -> int:
    """Show the video and its dubs in these languages or in all; return the exit status: 1 if any
    failed."""
    dubs = dubs_in(video, languages)
    failed = "failed" in (video["status"], *(dub["status"] for dub in dubs))
    if as_json:
        show_json(video)
        return int(failed)
    out.print(heading(video["title"] or video["id"]))
    out.print(_facts(video))
    for dub in dubs:
        out.print(
            Text(f"{plain(dub['language_name'])} ({dub['language']}) ") + _how_far(video, dub)
        )
        if dub["status"] != "failed" or "track_url" in dub:
            show_link(dub["links"]["watch"])
    _show_reasons(video, dubs)
    return int(failed)


def _facts(video: VideoAnswer) -> str:
    facts = [video["id"], f"handed in {age(video['created_at'])}"]
    if "duration_seconds" in video:
        facts.append(f"{span(video['duration_seconds'])} long")
    if video["cost_usd"]:
        facts.append(f"${video['cost_usd']:.2f}")
    return ", ".join(facts)


def _how_far(video: VideoAnswer, dub: DubAnswer) -> Text:
    when = f" {age(dub['updated_at'])}" if dub["status"] in ("released", "failed") else ""
    stale = [_STALE[why] for why in dub.get("stale_because", ()) if why in _STALE]
    return state(step(video, dub)) + Text("".join([when, *stale]))


def _is_renewed(dub: DubAnswer) -> bool:
    """Tell whether asking for a dub again has it made anew."""
    return bool({*dub.get("stale_because", ())} - {"edits"})


def _show_reasons(video: VideoAnswer, dubs: Collection[DubAnswer]) -> None:
    """Show below the links why something failed or waits, each reason once, and what can be
    done."""
    told: set[str] = set()
    can_be_made_again = False
    rows: list[tuple[str, VideoAnswer | DubAnswer]] = [("the video", video)]
    for what, row in [*rows, *((dub["language"], dub) for dub in dubs)]:
        if "error" not in row or row["error"]["message"] in told:
            continue
        told.add(row["error"]["message"])
        has_failed = row["status"] == "failed"
        # What could not begin yet has its reason, too.
        head = Text(f"{what} failed: ", style="red") if has_failed else Text(f"{what} waits: ")
        out.print(head + Text(plain(row["error"]["message"])))
        can_be_made_again |= has_failed and row["error"].get("retryable", False)
    if can_be_made_again:
        out.print(f"`dub retry {video['id'][:SHOWN]}` makes it again.")


def open_with_bar(path: Path) -> BinaryIO:
    """Open the file, with a bar that shows how much of it was sent."""
    opened = rich.progress.open(
        path,
        "rb",
        description="Sending",
        console=err,
        transient=True,
        complete_style="green",
        finished_style="green",
        disable=not err.is_terminal,
    )
    return cast(BinaryIO, opened)
