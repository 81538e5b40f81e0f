// What the page says, in the language that was chosen. The server writes it into `#page-texts`.
import { one } from './parts.js';

const there = () => one('#page-texts [data-copied]');

/** A sentence by its name, with its `{...}` filled in; empty while the page has none. */
export function text(name, values = {}) {
  const said = there()?.dataset[name] ?? '';
  return said.replace(/\{(\w+)\}/g, (whole, value) => values[value] ?? whole);
}

/** Call `show` as soon as `text` has sentences, and again in every other language. */
export function whenSaid(show) {
  const place = one('#page-texts');
  if (!there()) return setTimeout(whenSaid, 100, show);
  // Gradio changes attributes in place as well.
  new MutationObserver(show).observe(place, { attributes: true, childList: true, subtree: true });
  return show();
}

/** `3.4 MB` */
export function megabytes(bytes) {
  const count = bytes / 2 ** 20;
  return `${count < 10 ? Math.max(0.1, count).toFixed(1) : Math.round(count)} MB`;
}
