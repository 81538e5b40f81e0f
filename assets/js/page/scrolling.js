// The conversation follows the answer as long as the reader is at the bottom.
import { $ } from './parts.js';

const NEAR_BOTTOM_PX = 80;
const follow = { pinned: true };

/** Go to the bottom and stay there. */
export function pin() { follow.pinned = true; }

/** Call it when the page is ready. */
export function start() {
  const talk = $('#talk');
  const moved = watchReader(talk);
  // Once a frame, because reading the height forces a layout.
  let due = 0;
  const scroll = () => { due = 0; if (follow.pinned) talk.scrollTop = talk.scrollHeight; };
  watchContent(talk, () => { moved(); if (!due) due = requestAnimationFrame(scroll); });
}

// Stop following when the reader scrolls up. Returns a function to call when the content has changed.
function watchReader(talk) {
  // A change of the content or of the window moves the position as well; that is not the reader.
  let before = { top: 0, height: 0, room: 0 };
  let changed = false;
  talk.addEventListener('scroll', () => {
    const now = { top: talk.scrollTop, height: talk.scrollHeight, room: talk.clientHeight };
    changed ||= now.height !== before.height || now.room !== before.room;
    if (now.height - now.top - now.room < NEAR_BOTTOM_PX) follow.pinned = true;
    else if (now.top < before.top && !changed) follow.pinned = false;
    before = now;
    changed = false;
  }, { passive: true });
  // An unfolded part should stay in view.
  talk.addEventListener('click', (event) => { if (event.target.closest('summary')) follow.pinned = false; }, true);
  // At once: the answer may grow before the scroll event arrives.
  talk.addEventListener('wheel', (event) => { if (event.deltaY < 0) follow.pinned = false; }, { passive: true });
  return () => { changed = true; };
}

function watchContent(talk, grown) {
  new MutationObserver(grown).observe(talk, { childList: true, subtree: true, characterData: true });
  talk.addEventListener('load', grown, true);
  // Also content that grows later, when fonts or the style sheet of formulas arrive.
  const sizes = new ResizeObserver(grown);
  const watch = () => { for (const part of [talk, ...talk.children]) sizes.observe(part); };
  new MutationObserver(watch).observe(talk, { childList: true });
  watch();
}
