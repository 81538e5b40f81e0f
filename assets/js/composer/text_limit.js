// Limits the text in the composer. Browsers lay out the whole field at every key, which takes seconds for a book.
import { FIELDS } from './composer.js';
import * as notices from '../page/notices.js';
import { within } from '../page/parts.js';

const MAX_CHARACTERS = 200_000;
const LONG_CHARACTERS = 20_000;

/** The length of the field's text if `added` replaces the selection. */
export const length = ({ value, selectionStart, selectionEnd }, added) =>
  value.length - (selectionEnd - selectionStart) + added.length;

// Refuses a paste or a drop that is too long.
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

// Marks a long text. For it the style sheet switches off that browsers find the direction of each line, which reads all of it.
function mark(event) {
  const field = within(event, FIELDS);
  field?.toggleAttribute('data-long', field.value.length > LONG_CHARACTERS);
}

export function start() {
  document.addEventListener('beforeinput', refuse, true);
  document.addEventListener('input', mark, true); // before Gradio measures the field
}
