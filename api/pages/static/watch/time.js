// Times as people write them: 1:02:03 on the page, 1h2m3s in an address.

export function clock(seconds) {
  const whole = Math.floor(seconds || 0);
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  const rest = String(whole % 60).padStart(2, "0");
  return hours ? `${hours}:${String(minutes).padStart(2, "0")}:${rest}` : `${minutes}:${rest}`;
}

// Seconds, or null where that names no time.
export function secondsIn(text) {
  const found = /^(?:(\d{1,3})h)?(?:(\d{1,5})m)?(?:(\d{1,6}(?:\.\d{1,3})?)s?)?$/.exec(text ?? "");
  if (!text || !found) {
    return null;
  }
  const [hours, minutes, seconds] = found.slice(1).map((each) => Number(each ?? 0));
  return hours * 3600 + minutes * 60 + seconds;
}
