// Draws the conversation. The server sends its new part only.
import { copyText } from '../page/copy_button.js';
import * as drawn from './drawn.js';
import { $ } from '../page/parts.js';
import { session } from '../browser/storage.js';

const SHOWN = 'qwen-vl-chat-shown'; // 'yes' in a tab with a conversation, which the page draws later

const listeners = [];
let isDrawn = false;
/** @type {MutationObserver | undefined} */
let folding;

/** Call `listener` before each change is drawn, and at once if one has been: the server may answer before the page is ready. */
export function whenDrawn(listener) {
  listeners.push(listener);
  if (isDrawn) listener();
}

/** The values of `#chatbot` and `#live` after an update. sent: the new part, as JSON; live: the answer below. */
export function draw(sent, messages, live) {
  if (!sent) return [messages, live];
  isDrawn = true;
  const rest = JSON.parse(sent);
  const all = drawn.completed(rest, messages ?? []);
  if (!all) $('#resume').click(); // asks for the whole conversation
  for (const listener of listeners) listener();
  const said = Boolean((all ?? messages)?.length);
  session.set(SHOWN, said ? 'yes' : 'no');
  markEmpty(!said);
  if (all) $('#page').toggleAttribute('data-pictures', all.some(hasFile));
  if (rest.answering) {
    folding?.disconnect();
    $('#live').toggleAttribute('data-folded', false);
  }
  else fold(drawn.texts().length);
  return [all ?? messages, rest.answering ? live : ''];
}

// The answer that streamed below gives way in the moment in which it stands in the conversation: Gradio draws one of them
// before the other, and for a frame there would be two. answers: how many there will be.
function fold(answers) {
  const observer = new MutationObserver(() => {
    const rows = document.querySelectorAll('#chatbot .bot-row');
    if (rows.length < answers || !rows[rows.length - 1]?.querySelector('.prose > *')) return;
    $('#live').toggleAttribute('data-folded', true);
    observer.disconnect();
  });
  observer.observe($('#chatbot'), { childList: true, subtree: true });
  folding?.disconnect();
  folding = observer;
}

// An empty page has what it offers and the composer in its middle.
const markEmpty = (empty) => $('#page').toggleAttribute('data-empty', empty);

/** Whether something was sent with this message of Gradio's. */
export const hasFile = ({ content }) => Array.isArray(content) && content.some(({ file }) => file);

/** Call it when the page is ready. */
export const start = () => markEmpty(session.get(SHOWN) !== 'yes');

/** Copy the answer with this index; negative ones count from the end. */
export async function copy(button, index) {
  await copyText(button, drawn.texts().at(index) ?? '');
}

export const copyLatest = () => copy($('#copy'), -1);
