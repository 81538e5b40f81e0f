// Draws the conversation. The server sends its new part only.
import { copyText } from '../page/copy_button.js';
import * as drawn from './drawn.js';
import { $ } from '../page/parts.js';
import { session } from '../browser/storage.js';

const SAID = 'qwen-vl-chat-said'; // 'yes' in a tab with a conversation, which the page draws later

const listeners = [];

/** Call `listener` before each change is drawn. */
export const whenDrawn = (listener) => listeners.push(listener);

/** The values of `#chatbot` and `#live` after an update. sent: the new part, as JSON; live: the answer below. */
export function draw(sent, messages, live) {
  if (!sent) return [messages, live];
  const rest = JSON.parse(sent);
  const all = drawn.completed(rest, messages ?? []);
  if (!all) $('#resume').click(); // asks for the whole conversation
  for (const listener of listeners) listener();
  const said = Boolean((all ?? messages)?.length);
  session.set(SAID, said ? 'yes' : 'no');
  markEmpty(!said);
  return [all ?? messages, rest.answering ? live : ''];
}

// An empty page has what it offers and the composer in its middle.
const markEmpty = (empty) => $('#page').toggleAttribute('data-empty', empty);

/** Call it when the page is ready. */
export const start = () => markEmpty(session.get(SAID) !== 'yes');

/** Copy the answer with this index; negative ones count from the end. */
export async function copy(button, index) {
  await copyText(button, drawn.texts().at(index) ?? '');
}

export const copyLatest = () => copy($('#copy'), -1);
