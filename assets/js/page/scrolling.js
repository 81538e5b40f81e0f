// The conversation scrolls with the reader: only who is at the bottom stays at the bottom.
import { one } from './parts.js';

const NEAR_BOTTOM_PX = 80;
const follow = { pinned: true };

/** Go to the bottom and stay there. */
export function pin() { follow.pinned = true; }

/** Call it when the page is ready. */
export function start() {
  const talk = one('#talk');
  const moved = watchReader(talk);
  // Once per frame: to ask for the height is to lay the page out.
  let due = 0;
  const scroll = () => { due = 0; if (follow.pinned) talk.scrollTop = talk.scrollHeight; };
  watchContent(talk, () => { moved(); if (!due) due = requestAnimationFrame(scroll); });
}

// Whoever scrolls up reads there. Gives what to call when the page itself may have scrolled.
function watchReader(talk) {
  // What changed since the last event may have moved it: an answer that was drawn anew, a page of another size.
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
  // Who unfolds something wants to see it, not what comes below.
  talk.addEventListener('click', (event) => { if (event.target.closest('summary')) follow.pinned = false; }, true);
  // Before the scrolling itself is told of, the answer may grow.
  talk.addEventListener('wheel', (event) => { if (event.deltaY < 0) follow.pinned = false; }, { passive: true });
  return () => { changed = true; };
}

function watchContent(talk, grown) {
  new MutationObserver(grown).observe(talk, { childList: true, subtree: true, characterData: true });
  talk.addEventListener('load', grown, true);
  // Also what grows where it stands: fonts and formulas whose style sheet comes late.
  const sizes = new ResizeObserver(grown);
  const watch = () => { for (const part of [talk, ...talk.children]) sizes.observe(part); };
  new MutationObserver(watch).observe(talk, { childList: true });
  watch();
}
