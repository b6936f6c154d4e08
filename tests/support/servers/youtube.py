"""YouTube on this machine: a proxy that answers for every host it is asked to connect to.

    with serving(folder) as youtube:
        youtube.shows("dQw4w9WgXcQ", answer)
        downloader = YouTubeDownloader(60, proxy=youtube.proxy, ca_bundle=youtube.certificates)

It ends TLS itself with certificates made on the spot, so the client that speaks to it is the real
one, with everything on. `asked` is every request, in order; `faults` change how one is answered.
"""

from __future__ import annotations

import contextlib
import json
import re
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import trustme

from tests.support.servers.youtube_answers import Answer, Json, configuration

HOSTS = ("www.youtube.com", "m.youtube.com", "*.googlevideo.com", "i.ytimg.com")


@dataclass(frozen=True)
class Asked:
    """One request inside the tunnel. `cookies` and `span` are its Cookie and Range headers."""

    host: str
    path: str
    query: dict[str, str]
    cookies: str
    span: str


@dataclass
class YouTube:
    """What the server shows, and what it was asked."""

    certificates: Path
    proxy: str = ""
    videos: dict[str, Answer] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    faults: dict[str, Callable[[Tunnel], bool]] = field(default_factory=dict)

    def shows(self, video_id: str, answer: Answer) -> None:
        self.videos[video_id] = answer

    def media_asked(self) -> list[Asked]:
        """The requests for media: none of them may come before a video is taken."""
        return [each for each in self.asked if each.path == "/videoplayback"]


class Tunnel(BaseHTTPRequestHandler):
    """One connection of the client: a CONNECT, and then what it says inside."""

    protocol_version = "HTTP/1.1"
    youtube: YouTube
    tls: ssl.SSLContext
    host = ""

    def do_CONNECT(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.host = self.path.rpartition(":")[0]
        try:
            self.connection = self.tls.wrap_socket(self.connection, server_side=True)
        except ssl.SSLError:
            return  # the client does not trust the certificate
        self.rfile, self.wfile = self.connection.makefile("rb"), self.connection.makefile("wb", 0)
        self.close_connection = False

    def do_POST(self) -> None:
        self.body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.do_GET()

    def do_GET(self) -> None:
        address = urlsplit(self.path)
        query = {name: values[-1] for name, values in parse_qs(address.query).items()}
        self.asked = Asked(
            self.host,
            address.path,
            query,
            self.headers.get("Cookie", ""),
            self.headers.get("Range", ""),
        )
        self.youtube.asked.append(self.asked)
        fault = self.youtube.faults.get(address.path)
        if fault is None or not fault(self):
            self.answer(query)

    def answer(self, query: dict[str, str]) -> None:
        path = self.asked.path
        if path == "/watch":
            self.give(self.youtube.videos[query["v"]].page(query["v"]), "text/html")
        elif path == "/youtubei/v1/player":
            self.give_json(self.video().player)
        elif path == "/api/timedtext":
            self.give(self.video().captions[query["lang"]], "text/vtt")
        elif path == "/videoplayback":
            self.give_media(self.video().media[int(query["itag"])])
        elif path.endswith("/base.js"):
            self.give("var player={signatureTimestamp:20400};", "text/javascript")
        elif self.host == "m.youtube.com":
            self.give(configuration("MWEB"), "text/html")
        elif path.startswith("/embed/"):
            self.give(configuration("WEB_EMBEDDED_PLAYER"), "text/html")
        else:
            self.send_error(404)

    def video(self) -> Answer:
        """The video that is watched: a test watches one."""
        (video,) = self.youtube.videos.values()
        return video

    def give_json(self, answer: Json) -> None:
        self.give(json.dumps(answer), "application/json")

    def give(self, text: str, kind: str, status: int = 200) -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def give_media(self, content: bytes, most: int | None = None) -> None:
        """The bytes of the range asked for; of them only the first `most`, then nothing."""
        first, last = re.fullmatch(r"bytes=(\d+)-(\d*)", self.asked.span or "bytes=0-").groups()  # type: ignore[union-attr]
        start, end = int(first), min(int(last or len(content)), len(content) - 1)
        self.send_response(206)
        self.send_header("Content-Type", "video/mp4")
        self.send_header("Content-Range", f"bytes {start}-{end}/{len(content)}")
        self.send_header("Content-Length", str(end + 1 - start))
        self.end_headers()
        self.wfile.write(content[start : end + 1][:most])
        if most is not None:
            self.hang_up()

    def refuse(self, status: int) -> bool:
        """A fault: no answer but this status."""
        self.send_error(status)
        return True

    def hang_up(self) -> None:
        """Break the connection off, as a network does."""
        self.close_connection = True
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)

    def log_message(self, *_: object) -> None:
        """The requests are in `asked`."""


@contextlib.contextmanager
def serving(folder: Path) -> Iterator[YouTube]:
    """The server on a free port, its certificates in the folder."""
    authority = trustme.CA()
    certificates = folder / "authority.pem"
    authority.cert_pem.write_to_path(str(certificates))
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*HOSTS).configure_cert(tls)
    youtube = YouTube(certificates)
    handler = type("Handler", (Tunnel,), {"youtube": youtube, "tls": tls})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        youtube.proxy = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield youtube
        finally:
            server.shutdown()
            thread.join()
