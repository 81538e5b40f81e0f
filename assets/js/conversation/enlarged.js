// A picture of the conversation opens large on a click; a part of a person's own can be asked about there.
import { actions, dialog } from '../page/dialog.js';
import { askAbout } from '../composer/region.js';
import { text } from '../page/texts.js';
import { zoomable } from '../page/zoom.js';

/** Show something large until the person presses beside it. notes: stand above the buttons; main: other buttons. */
export function enlarge(large, label, notes = [], main = []) {
  const { room, buttons } = zoomable(large);
  const shown = dialog(label, room, ...notes, actions(...buttons, ...main));
  shown.classList.add('viewer');
  shown.addEventListener('click', (event) => { if (event.target === shown) shown.close(); });
}

function copyOf(picture, label) {
  const copy = document.createElement('img');
  copy.src = picture.src;
  copy.alt = label;
  return copy;
}

function press(event) {
  const picture = event.target.closest('#chatbot button:has(> .image-frame)')
    ?? event.target.closest('#chatbot .bot .prose img');
  if (!picture) return;
  event.preventDefault();
  event.stopPropagation();
  const label = picture.ariaLabel ?? picture.alt;
  const copy = copyOf(picture.querySelector('img') ?? picture, label);
  if (!picture.closest('.user-row')) return enlarge(copy, label);
  const frame = document.createElement('div');
  const hint = Object.assign(document.createElement('p'), { className: 'hint', textContent: text('regionHint') });
  frame.append(copy);
  const ask = askAbout(frame, (box) => ({ src: copy.src, box }));
  return enlarge(frame, label, [hint], [ask]);
}

export function start() {
  document.addEventListener('click', press, true);
}
