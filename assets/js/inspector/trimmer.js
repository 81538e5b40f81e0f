// The part of a clip that the model gets: two handles on one track, the same as numbers, and the clip itself, which plays
// that part and shows where a dragged handle is.

const LEAST_S = 0.1;

/** Connect the trimmer of a dialog, if there is one. Gives the part as `{ start, end }`; a handle at its end of the clip trims nothing. */
export function trimmer(dialog) {
  const trim = dialog.querySelector('.trim');
  if (!trim) return () => ({});
  const [start, end] = ['start', 'end'].map((name) => trim.querySelector(`[type=range][name=${name}]`));
  const numbers = new Map([start, end].map((handle) => [dialog.querySelector(`[data-of=${handle.name}]`), handle]));
  const length = Number(end.max);
  const play = player(dialog, trim, () => [Number(start.value), Number(end.value)]);

  function draw() {
    trim.style.setProperty('--from', `${Number(start.value) / length}`);
    trim.style.setProperty('--to', `${Number(end.value) / length}`);
    start.style.zIndex = Number(start.value) > length / 2 ? '1' : ''; // within reach if both are at the end
    for (const [number, handle] of numbers) if (document.activeElement !== number) number.value = handle.value;
  }

  // Neither passes the other.
  function keepApart(moved) {
    if (moved === start) start.value = `${Math.min(Number(start.value), Number(end.value) - LEAST_S)}`;
    else end.value = `${Math.max(Number(end.value), Number(start.value) + LEAST_S)}`;
  }

  dialog.querySelector('form').addEventListener('input', ({ target }) => {
    if (!numbers.has(target) && target !== start && target !== end) return;
    const handle = numbers.get(target) ?? target;
    if (handle !== target && target.value !== '') handle.value = target.value;
    keepApart(handle);
    draw();
    play.show(Number(handle.value));
  });
  dialog.querySelector('form').addEventListener('change', draw);
  draw();
  return () => ({
    ...(Number(start.value) > 0 && { start: Number(start.value) }),
    ...(Number(end.value) < length && { end: Number(end.value) }),
  });
}

// Plays the part. A clip that browsers cannot play has no player.
function player(dialog, trim, part) {
  const video = dialog.querySelector('.player video');
  const button = dialog.querySelector('[data-op=play]');
  if (!video) return { show() {} };

  function follow() {
    if (!dialog.isConnected || video.paused) return;
    const [start, end] = part();
    if (video.currentTime >= end || video.ended) { video.pause(); video.currentTime = start; }
    trim.style.setProperty('--at', `${video.currentTime / video.duration}`);
    requestAnimationFrame(follow);
  }

  const name = () => { button.ariaLabel = button.title = video.paused ? button.dataset.play : button.dataset.pause; };
  const toggle = () => {
    if (!video.paused) return video.pause();
    const [start, end] = part();
    if (video.currentTime < start || video.currentTime >= end - LEAST_S) video.currentTime = start;
    return video.play().catch(() => {}); // it was paused at once
  };
  button.addEventListener('click', toggle);
  video.addEventListener('click', toggle);
  for (const kind of ['play', 'pause']) {
    video.addEventListener(kind, () => {
      button.toggleAttribute('data-playing', !video.paused);
      trim.toggleAttribute('data-playing', !video.paused);
      name();
      follow();
    });
  }
  name();
  return { show(second) { video.pause(); video.currentTime = second; } };
}
