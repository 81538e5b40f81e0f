// Draws the conversation. The server sends its new part only.
import { copyText } from '../page/copy_button.js';
import * as drawn from './drawn.js';
import { $ } from '../page/parts.js';

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
  return [all ?? messages, rest.answering ? live : ''];
}

/** Copy the answer with this index; negative ones count from the end. */
export async function copy(button, index) {
  await copyText(button, drawn.texts().at(index) ?? '');
}

export const copyLatest = () => copy($('#copy'), -1);
