// Sliders of settings whose range spans a thousandfold move evenly in ratios. Gradio's are even in differences, so ours
// takes the place of its handle, and sets the number beside it.
import { $ } from '../page/parts.js';

const NAMES = ['min-tokens', 'max-tokens', 'video-min-tokens-per-frame', 'video-max-tokens-per-frame', 'max-new-tokens'];
const STEPS = 1000;

/** Where a value stands, 0 to 1. */
export const position = (value, low, high) => (high > low ? Math.log(value / low) / Math.log(high / low) : 0);

/** The whole number at a place from 0 to 1. */
export const valueAt = (place, low, high) => Math.round(low * (high / low) ** place);

// Out of sight of whoever looks for the setting's own fields, and so with a style of its own.
const STYLE = `input { width: 100%; height: var(--height, 16px); margin: 0; appearance: none; cursor: pointer;
  background: linear-gradient(90deg, var(--accent) var(--place), var(--line) var(--place)) center / 100% 6px no-repeat; }
input::-webkit-slider-thumb { appearance: none; width: 16px; height: 16px; border: 0; border-radius: 50%; background: var(--accent); }
input::-moz-range-thumb { width: 16px; height: 16px; border: 0; border-radius: 50%; background: var(--accent); }`;

function add(theirs) {
  const place = Object.assign(document.createElement('span'), { className: 'even-in-ratios', ariaHidden: 'true' });
  const ours = document.createElement('input');
  Object.assign(ours, { type: 'range', max: STEPS, tabIndex: -1 });
  const style = Object.assign(document.createElement('style'), { textContent: STYLE });
  place.attachShadow({ mode: 'closed' }).append(style, ours);
  const number = theirs.closest('.block').querySelector('input[type=number]');
  const draw = () => {
    ours.value = String(STEPS * position(Number(number.value), Number(theirs.min), Number(theirs.max)));
    ours.style.setProperty('--place', `${ours.valueAsNumber / STEPS * 100}%`);
  };
  const set = () => {
    theirs.value = valueAt(ours.valueAsNumber / STEPS, Number(theirs.min), Number(theirs.max));
    theirs.dispatchEvent(new Event('input', { bubbles: true }));
    draw();
  };
  ours.addEventListener('input', set);
  ours.addEventListener('change', () => theirs.dispatchEvent(new PointerEvent('pointerup', { bubbles: true })));
  theirs.after(place);
  // Gradio draws how far its own handle is, at every change.
  new MutationObserver(draw).observe(theirs, { attributes: true });
  number.addEventListener('input', draw);
  draw();
}

function addAll() {
  for (const name of NAMES) {
    const theirs = $(`#${name} input[type=range]`);
    if (theirs && !$(`#${name} .even-in-ratios`)) add(theirs);
  }
}

/** Call it when the page is ready. */
export function start() {
  new MutationObserver(addAll).observe($('#settings'), { childList: true, subtree: true });
  addAll();
}
