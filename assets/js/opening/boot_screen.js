// Gradio's boot screen counts seconds at every frame, and does not stop when it is gone (its status tracker, 6.31): a page on
// which nothing happens would take a twenty-fifth of a core.

const CLOCK = 'performance.now()';

/** Leave out one frame of that loop, which ends it, as soon as `isThere()`; everybody else's frames come. */
export function endLoop(target, isThere) {
  const frame = target.requestAnimationFrame;
  let loop = ''; // its source: it alone asks before the page is there
  target.requestAnimationFrame = (callback) => {
    const source = String(callback);
    const gone = isThere();
    if (!gone && source.includes(CLOCK)) loop = source;
    if (!gone || source !== loop) return frame.call(target, callback);
    target.requestAnimationFrame = frame;
    return 0;
  };
}
