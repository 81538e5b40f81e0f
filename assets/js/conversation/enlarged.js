// Opens a picture of the conversation large. A region of a person's own picture can be marked there.
import { enlarge } from '../page/dialog.js';
import { pointable, pointAt } from '../composer/region.js';
import { text } from '../page/texts.js';

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
  pointable(frame, (box) => pointAt({ src: copy.src, box }));
  return enlarge(frame, label, hint);
}

export function start() {
  document.addEventListener('click', press, true);
}
