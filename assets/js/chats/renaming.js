// A chat gets another name, in its place in the list. Enter or leaving the field keeps it, Escape does not.
import { leaves, sends } from '../browser/keyboard.js';
import * as notices from '../page/notices.js';
import { text } from '../page/texts.js';
import * as store from './store.js';

const MAX_NAME = 80; // characters, as `MAX_TITLE` in ui/handlers/chats.py

/** Its own name, or else its first words. */
export const nameOf = ({ name, title }) => name || title;

/** Put a field in the place of what `item` holds. ended: called when the name is kept or the field is left as it was. */
export function rename(item, record, ended) {
  const field = document.createElement('input');
  Object.assign(field, { type: 'text', value: nameOf(record), maxLength: MAX_NAME, enterKeyHint: 'done' });
  field.ariaLabel = text('chatsRename', { title: nameOf(record) });
  let open = true;
  const end = async (name) => {
    if (!open) return; // taking the field away leaves it, too
    open = false;
    if (name !== nameOf(record)) await store.rename(record.id, name).catch(() => notices.tell('chatsRefused'));
    field.remove();
    ended();
  };
  field.addEventListener('blur', () => end(field.value.trim()));
  field.addEventListener('keydown', (event) => {
    if (!leaves(event) && !sends(event)) return;
    event.preventDefault();
    event.stopPropagation();
    end(event.key === 'Escape' ? nameOf(record) : field.value.trim());
  });
  item.replaceChildren(field);
  field.select();
}
