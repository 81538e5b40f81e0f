// The box in which an earlier message is rewritten. The server says in `#run-state` when that begins and ends.
import * as composer from './composer.js';
import { $, ANY_CHANGE } from '../page/parts.js';
import { session } from '../browser/storage.js';

const KEPT = 'qwen-vl-chat-edit';

/** Put the text of a message into the box. */
export function rewrite(text) {
  composer.write(text, composer.EDIT_FIELD);
  composer.focus();
}

function show() {
  const editing = Boolean($('#run-state [data-editing]'));
  if (editing === composer.editing()) return;
  $('#page').toggleAttribute('data-editing', editing);
  $('#message').inert = editing; // the tray has the files of the earlier message now
  // Writing the text also sets the height, which Gradio cannot measure while the box is hidden.
  rewrite(editing ? $(composer.EDIT_FIELD).value : '');
}

/** Call it when the page is ready. */
export function start() {
  const field = $(composer.EDIT_FIELD);
  composer.write(field.value || (session.get(KEPT) ?? ''), composer.EDIT_FIELD);
  field.addEventListener('input', () => session.set(KEPT, field.value));
  new MutationObserver(show).observe($('#run-state'), ANY_CHANGE);
  show();
}
