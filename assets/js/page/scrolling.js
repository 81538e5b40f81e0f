// The conversation scrolls with the reader: only who is at the bottom stays at the bottom. A button leads back there.
import { $ } from './parts.js';
import { text, whenSaid } from './texts.js';

const NEAR_BOTTOM_PX = 80;
const follow = { pinned: true };

/** Go to the bottom and stay there. */
export function pin() { follow.pinned = true; }

/** Stay where one is, whatever comes in below. */
export function unpin() { follow.pinned = false; }

/** Call it when the page is ready. */
export function start() {
  const talk = $('#talk');
  const offer = offerLatest(talk);
  const moved = watchReader(talk, offer);
  watchContent(talk, moved, () => {
    moved();
    offer();
    if (follow.pinned) talk.scrollTop = talk.scrollHeight;
  });
}

// Gives what to call when the reader or the content may have moved.
function offerLatest(talk) {
  const button = Object.assign(document.createElement('button'), { id: 'latest', type: 'button', textContent: '↓', hidden: true });
  button.addEventListener('click', () => { pin(); talk.scrollTop = talk.scrollHeight; });
  $('#desk').prepend(button);
  whenSaid(() => { button.ariaLabel = button.title = text('latest'); });
  return () => { button.hidden = follow.pinned || talk.scrollHeight - talk.scrollTop - talk.clientHeight < NEAR_BOTTOM_PX; };
}

// Whoever scrolls up reads there. Gives what to call when the page itself may have scrolled.
function watchReader(talk, seen) {
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
    seen();
  }, { passive: true });
  // An unfolded part should stay in view.
  talk.addEventListener('click', (event) => { if (event.target.closest('summary')) follow.pinned = false; }, true);
  // At once: the answer may grow before the scroll event arrives.
  talk.addEventListener('wheel', (event) => { if (event.deltaY < 0) follow.pinned = false; }, { passive: true });
  return () => { changed = true; };
}

// changed: called at any change; grown: called when the content has another size, before that is painted.
function watchContent(talk, changed, grown) {
  new MutationObserver(changed).observe(talk, { childList: true, subtree: true, characterData: true });
  const sizes = new ResizeObserver(grown);
  const watch = () => { for (const part of [talk, ...talk.children]) sizes.observe(part); };
  new MutationObserver(watch).observe(talk, { childList: true });
  watch();
}
