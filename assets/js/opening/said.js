// What the page shows that the server has to know, too: it may have been started anew, or have dropped the tab. What was
// said is kept when the page is left, so that it can be copied then.
import { session } from '../browser/storage.js';
import { copyText } from '../page/copy_button.js';
import { $, within } from '../page/parts.js';

const HELD = 'qwen-vl-chat-held';
const SAID = 'qwen-vl-chat-said';
const MAX_CHARACTERS = 500_000; // the end of a longer text is kept

/** 'chat', 'files' or nothing. */
export function held() {
  if ($('#chatbot .user-row')) return 'chat';
  return $('#tray li') ? 'files' : '';
}

/** The same of the page before this one. */
export const heldBefore = () => session.get(HELD) ?? '';

/** Give up what was said on the page before this one. */
export const dropSaid = () => session.set(SAID, '');

// The whole conversation, with questions as quotations.
function said(answers) {
  const rows = [...document.querySelectorAll('#chatbot .message-row')];
  const texts = rows.map((row) => (row.matches('.user-row') ? question(row) : answers.shift() ?? ''));
  const growing = lines($('#run-state [data-state=answering]') && $('#live')).join('\n');
  return [...texts, growing].filter((text) => text.trim()).join('\n\n');
}

// biome-ignore lint/performance/useDomNodeTextContent: that would put the lines together
const lines = (element) => element?.innerText.trim().split('\n') ?? [];

const question = (row) => [...row.querySelectorAll('.user .prose')].flatMap(lines).map((line) => `> ${line}`).join('\n');

/**
 * Call it when the page is ready. answers: returns the texts of the answers that are shown; whenDrawn: calls a listener
 * when the server has sent what the page shows.
 */
export function start(answers, whenDrawn) {
  let isDrawn = false;
  whenDrawn(() => { isDrawn = true; });
  // A page that says that its chat is forgotten goes on offering it until there is another.
  const keep = () => {
    if (!isDrawn || !held() && $('#notice [data-copy-said]')) return;
    session.set(HELD, held());
    session.set(SAID, said([...answers()]).slice(-MAX_CHARACTERS));
  };
  addEventListener('pagehide', keep);
  // A browser that needs memory drops a hidden page without another event.
  document.addEventListener('visibilitychange', () => { if (document.hidden) keep(); });
  document.addEventListener('click', (event) => {
    const button = within(event, '[data-copy-said]');
    if (button) copyText(button, session.get(SAID) ?? '');
  });
}
