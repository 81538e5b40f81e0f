// The conversation on the page. The server sends what is new of it.
import { copyText } from '../page/copy_button.js';
import * as log from './log.js';
import { one } from '../page/parts.js';

const listeners = [];

/** Call `listener` whenever something new is about to be drawn. */
export const whenDrawn = (listener) => listeners.push(listener);

/** The conversation with what is new of it, and the answer below until it has its place there. */
export function draw(sent, messages, live) {
  if (!sent) return [messages, live];
  const rest = JSON.parse(sent);
  const all = log.completed(rest, messages ?? []);
  if (!all) one('#resume').click(); // for all of it
  for (const listener of listeners) listener();
  return [all ?? messages, rest.answering ? live : ''];
}

/** Copy the answer of this index, from the end if it is negative. */
export async function copy(button, index) {
  await copyText(button, log.texts().at(index) ?? '');
}

export const copyLatest = () => copy(one('#copy'), -1);
