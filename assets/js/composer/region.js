// Marking a region of a picture by dragging over it. Coordinates are fractions of width and height.
import * as composer from './composer.js';
import { button } from '../page/dialog.js';
import { send } from '../page/elements.js';
import { $ } from '../page/parts.js';
import { text } from '../page/texts.js';

const CLICK = 0.01;

// The position in the picture, from 0 to 1. The pointer may be outside.
function at(picture, event) {
  const { left, top, width, height } = picture.getBoundingClientRect();
  const inside = (part) => Math.min(1, Math.max(0, part));
  return [inside((event.clientX - left) / width), inside((event.clientY - top) / height)];
}

/** @type {(from: number[], to: number[]) => number[]} */
const corners = ([a, b], [c, d]) => [Math.min(a, c), Math.min(b, d), Math.max(a, c), Math.max(b, d)];

/** A button that asks about what has been marked in `frame`: there as soon as something is. place: of its corners. */
export function askAbout(frame, place) {
  let marked = [0, 0, 1, 1];
  const ask = button(text('regionAsk'), 'primary', () => pointAt(place(marked)));
  ask.hidden = true;
  pointable(frame, (box) => { marked = box; ask.hidden = false; });
  return ask;
}

// frame: holds the picture and is as large as it; marked: called with the corners of what was marked, which stays to be seen.
function pointable(frame, marked) {
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
  frame.addEventListener('pointercancel', () => { from = null; });
  frame.addEventListener('pointerup', (event) => {
    if (!from) return;
    const box = corners(from, at(picture, event));
    from = null;
    if (box[2] - box[0] >= CLICK && box[3] - box[1] >= CLICK) marked(box);
  });
}

/** Ask about a place with the next message. */
export function pointAt(place) {
  send('inspector', 'inspect', { op: 'point', ...place });
  $('dialog[open]')?.close();
  composer.focus();
}

