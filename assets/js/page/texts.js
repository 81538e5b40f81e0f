// The texts of the scripts, in the language of the page. The server writes them into `#page-texts`.
import { $ } from './parts.js';

const there = () => $('#page-texts [data-copied]');

/** The text of this name with its `{...}` filled in; empty before the page has texts. */
export function text(name, values = {}) {
  const said = there()?.dataset[name] ?? '';
  return said.replace(/\{(\w+)\}/g, (whole, value) => values[value] ?? whole);
}

/** Call `show` as soon as there are texts, and at each change of the language. */
export function whenSaid(show) {
  const place = $('#page-texts');
  if (!there()) return setTimeout(whenSaid, 100, show);
  new MutationObserver(show).observe(place, { attributes: true, childList: true, subtree: true });
  return show();
}

/** `3.4 MB` */
export function megabytes(bytes) {
  const count = bytes / 2 ** 20;
  return `${count < 10 ? Math.max(0.1, count).toFixed(1) : Math.round(count)} MB`;
}
