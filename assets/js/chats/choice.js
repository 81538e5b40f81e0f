// The choice of the logged-in person whether this browser keeps chats.
import { local, session } from '../browser/storage.js';
import { owner } from '../opening/opening.js';

const CHOICE = 'qwen-vl-chat-keep'; // 'yes' or 'no', after the name of the log-in
const KNOWN = 'qwen-vl-chat-kept'; // see `known`
const MAX_KNOWN = 20;

const listeners = [];
const name = () => (owner() ? `${CHOICE}-${owner()}` : CHOICE);

/** 'yes', 'no', or null before a choice. */
export const chosen = () => local.get(name());

export function choose(choice) {
  if (choice !== chosen()) session.set(KNOWN, '{}'); // what was deleted with the last choice may be kept again
  local.set(name(), choice);
  for (const listener of listeners) listener();
}

export const whenChosen = (listener) => listeners.push(listener);

/** Where this tab's conversations are kept, by their ids on the server: `{ id, stamp, state }` of the record. */
export function known() {
  try { return JSON.parse(session.get(KNOWN) ?? '{}'); } catch { return {}; }
}

export function remember(chat, { id, stamp, state }) {
  const all = Object.entries(known()).filter(([other]) => other !== chat);
  session.set(KNOWN, JSON.stringify(Object.fromEntries([...all.slice(1 - MAX_KNOWN), [chat, { id, stamp, state }]])));
}
