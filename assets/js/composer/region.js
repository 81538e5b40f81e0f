// A part of a picture can be marked by dragging over it; what was marked is told as parts of width and height.
import * as composer from './composer.js';
import { send } from '../page/elements.js';
import { one } from '../page/parts.js';

const CLICK = 0.01;

// Where in the picture, 0 to 1, as far outside as the pointer may be.
function at(picture, event) {
  const { left, top, width, height } = picture.getBoundingClientRect();
  const inside = (part) => Math.min(1, Math.max(0, part));
  return [inside((event.clientX - left) / width), inside((event.clientY - top) / height)];
}

/** @type {(from: number[], to: number[]) => number[]} */
const corners = ([a, b], [c, d]) => [Math.min(a, c), Math.min(b, d), Math.max(a, c), Math.max(b, d)];

/** frame: holds the picture and is as large as it; marked: called with the corners of what was marked. */
export function pointable(frame, marked) {
  const picture = frame.querySelector('img');
  const shade = document.createElement('span');
  shade.className = 'marking';
  /** @type {number[] | null} */
  let from = null;
  frame.classList.add('pointable');
  frame.addEventListener('dragstart', (event) => event.preventDefault());
  frame.addEventListener('pointerdown', (event) => {
    if (event.button) return;
    event.preventDefault();
    from = at(picture, event);
    frame.setPointerCapture(event.pointerId);
  });
  frame.addEventListener('pointermove', (event) => {
    if (!from) return;
    const [left, top, right, bottom] = corners(from, at(picture, event)).map((part) => `${100 * part}%`);
    Object.assign(shade.style, { left, top, width: `calc(${right} - ${left})`, height: `calc(${bottom} - ${top})` });
    frame.append(shade);
  });
  const end = () => { from = null; shade.remove(); };
  frame.addEventListener('pointercancel', end);
  frame.addEventListener('pointerup', (event) => {
    if (!from) return;
    const box = corners(from, at(picture, event));
    end();
    if (box[2] - box[0] >= CLICK && box[3] - box[1] >= CLICK) marked(box);
  });
}

/** The place is asked about, and the question comes next. */
export function pointAt(place) {
  send('inspector', 'inspect', { op: 'point', ...place });
  one('dialog[open]')?.close();
  composer.focus();
}

