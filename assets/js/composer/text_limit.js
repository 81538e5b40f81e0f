// How much text the composer takes. Browsers lay out the whole field at every key: a book in it would take seconds.
import { FIELDS } from './composer.js';
import * as notices from '../page/notices.js';
import { within } from '../page/parts.js';

const MAX_CHARACTERS = 200_000;
const LONG_CHARACTERS = 20_000;

/** How many characters the field would hold with `added` in place of what is selected. */
export const length = ({ value, selectionStart, selectionEnd }, added) =>
  value.length - (selectionEnd - selectionStart) + added.length;

// What is pasted or dropped into the field.
function refuse(event) {
  const field = within(event, FIELDS);
  if (!field || !event.data) return;
  const count = length(field, event.data);
  notices.withdraw('textTooLong');
  if (count <= MAX_CHARACTERS) return;
  event.preventDefault();
  const written = (number) => number.toLocaleString(document.documentElement.lang);
  notices.tell('textTooLong', { count: written(count), limit: written(MAX_CHARACTERS) });
}

// The direction of each line is sought in all of the text.
function mark(event) {
  const field = within(event, FIELDS);
  field?.toggleAttribute('data-long', field.value.length > LONG_CHARACTERS);
}

export function start() {
  document.addEventListener('beforeinput', refuse, true);
  document.addEventListener('input', mark, true); // before Gradio measures the field
}
