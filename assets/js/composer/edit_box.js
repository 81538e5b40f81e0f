// Where an earlier message is rewritten. The server says when that begins and ends.
import * as composer from './composer.js';
import { ANY_CHANGE, one } from '../page/parts.js';
import { session } from '../browser/storage.js';

const KEPT = 'qwen-vl-chat-edit';

/** A message, to be rewritten. */
export function rewrite(text) {
  composer.write(text, composer.EDIT_FIELD);
  composer.focus();
}

function show() {
  const editing = Boolean(one('#run-state [data-editing]'));
  if (editing === composer.editing()) return;
  one('#page').toggleAttribute('data-editing', editing);
  one('#message').inert = editing; // the tray holds the other message's files now
  // Also for its height, which Gradio cannot measure while it is not seen.
  rewrite(editing ? one(composer.EDIT_FIELD).value : '');
}

/** Call it when the page is ready. */
export function start() {
  const field = one(composer.EDIT_FIELD);
  composer.write(field.value || (session.get(KEPT) ?? ''), composer.EDIT_FIELD);
  field.addEventListener('input', () => session.set(KEPT, field.value));
  new MutationObserver(show).observe(one('#run-state'), ANY_CHANGE);
  show();
}
