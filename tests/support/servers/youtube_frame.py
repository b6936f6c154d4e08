"""A stand-in for YouTube's player in a frame, as far as pages speak to it by messages.

    with running(youtube_player) as origin: ...     # {origin}/embed/ID

It plays a film of a minute without pictures: it says what it does every quarter of a second, takes
a moment to begin and to seek, and hears the commands that YouTube's own script sends.
"""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import Route

PLAYER = """<!doctype html><title>A film</title><p>A film</p><script>
const known = { at: performance.now(), seconds: 0, rate: 1, state: -1, muted: false };
const duration = 60;
let listener = null;
const wait = (act) => setTimeout(act, 60);
function now() {
  const runs = known.state === 1 ? (performance.now() - known.at) / 1000 * known.rate : 0;
  return Math.min(duration, known.seconds + runs);
}
function set(changed) {
  Object.assign(known, { at: performance.now(), seconds: now() }, changed);
  deliver();
}
function deliver(event = "infoDelivery") {
  const info = {
    currentTime: now(), duration, playbackRate: known.rate, playerState: known.state,
    muted: known.muted,
  };
  listener?.postMessage(JSON.stringify({ event, info, id: 1, channel: "widget" }), "*");
}
const commands = {
  playVideo: () => wait(() => set({ state: 1 })),
  pauseVideo: () => wait(() => set({ state: 2 })),
  seekTo: (seconds) => wait(() => set({ seconds })),
  setPlaybackRate: (rate) => set({ rate }),
  mute: () => set({ muted: true }),
  unMute: () => set({ muted: false }),
  setVolume: () => {},
};
addEventListener("message", (event) => {
  const told = JSON.parse(event.data);
  if (told.event === "listening") {
    listener = event.source;
    deliver("initialDelivery");
  } else if (told.event === "command") {
    commands[told.func](...told.args);
  }
});
setInterval(deliver, 250);
</script>"""


def show_player(_: Request) -> HTMLResponse:
    """The player of any video."""
    return HTMLResponse(PLAYER)


youtube_player = Starlette(routes=[Route("/embed/{id}", show_player)])
