// Limits the text in the composer. Browsers lay out the whole field at every key, which takes seconds for a book.
import { FIELDS } from './composer.js';
import * as notices from '../page/notices.js';
import { $, within } from '../page/parts.js';
import { text } from '../page/texts.js';

const MAX_CHARACTERS = 200_000;
const LONG_CHARACTERS = 20_000;
const COUNTED_CHARACTERS = 4_000;

/** The length of the field's text if `added` replaces the selection. */
export const length = ({ value, selectionStart, selectionEnd }, added) =>
  value.length - (selectionEnd - selectionStart) + added.length;

const written = (number) => number.toLocaleString(document.documentElement.lang);

// What is pasted or dropped into the field.
function refuse(event) {
  const field = within(event, FIELDS);
  if (!field || !event.data) return;
  const count = length(field, event.data);
  notices.withdraw('textTooLong');
  if (count <= MAX_CHARACTERS) return;
  event.preventDefault();
  notices.tell('textTooLong', { count: written(count), limit: written(MAX_CHARACTERS) });
}

// Marks a long text. For it the style sheet switches off that browsers find the direction of each line, which reads all of it.
function mark(event) {
  const field = within(event, FIELDS);
  field?.toggleAttribute('data-long', field.value.length > LONG_CHARACTERS);
}

// How long a text is, as soon as that may matter.
function count(event) {
  const field = within(event, FIELDS);
  if (!field) return;
  const length = field.value.length;
  const line = $('#text-length') ?? Object.assign(document.createElement('p'), { id: 'text-length' });
  if (!line.isConnected) $('#composer').after(line);
  line.textContent = length < COUNTED_CHARACTERS ? '' : text('textLength', { count: written(length), limit: written(MAX_CHARACTERS) });
}

export function start() {
  document.addEventListener('beforeinput', refuse, true);
  document.addEventListener('input', mark, true); // before Gradio measures the field
  document.addEventListener('input', count);
}
