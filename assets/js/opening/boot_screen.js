// Gradio's boot screen counts seconds in an animation loop that never ends (status tracker, 6.31). On an idle page it would
// take 4 % of a core.

const CLOCK = 'performance.now()';

/** Skip one frame of that loop, which ends it, as soon as `isThere()`. All other callbacks run. */
export function endLoop(target, isThere) {
  const frame = target.requestAnimationFrame;
  let loop = ''; // its source code: it is the only loop before the page is there
  target.requestAnimationFrame = (callback) => {
    const source = String(callback);
    const gone = isThere();
    if (!gone && source.includes(CLOCK)) loop = source;
    if (!gone || source !== loop) return frame.call(target, callback);
    target.requestAnimationFrame = frame;
    return 0;
  };
}
