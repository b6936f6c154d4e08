// What a viewer has chosen, and how far they have come, kept by this browser for this site.

const CHOICES = "dub-watch";
const PLACES = "dub-places";
const MOST_PLACES = 200;
// Who has seen less than this, or all but this, starts at the beginning.
const EDGE_SECONDS = 10;

function read(name) {
  try {
    const found = JSON.parse(localStorage.getItem(name));
    return found !== null && typeof found === "object" ? found : {};
  } catch {
    return {};
  }
}

// A browser may keep nothing, or have no room left: then nothing is remembered.
function write(name, value) {
  try {
    localStorage.setItem(name, JSON.stringify(value));
  } catch {
    return;
  }
}

export function choices() {
  return read(CHOICES);
}

export function remember(changed) {
  write(CHOICES, { ...read(CHOICES), ...changed });
}

export function placeIn(video) {
  const found = read(PLACES)[video];
  return Array.isArray(found) && Number.isFinite(found[0]) ? found[0] : null;
}

export function rememberPlace(video, seconds, duration) {
  const places = read(PLACES);
  delete places[video];
  if (seconds > EDGE_SECONDS && seconds < duration - EDGE_SECONDS) {
    places[video] = [Math.floor(seconds), Date.now()];
  }
  const newest = Object.entries(places).sort(([, one], [, other]) => other[1] - one[1]);
  write(PLACES, Object.fromEntries(newest.slice(0, MOST_PLACES)));
}
