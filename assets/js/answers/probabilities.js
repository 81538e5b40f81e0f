// Shows how sure the model was of an answer, in the answer's place: its words shaded, with what else was likely.
import { whenDrawn } from '../conversation/conversation.js';
import * as drawn from '../conversation/drawn.js';
import { $, ANY_CHANGE, make } from '../page/parts.js';
import { text } from '../page/texts.js';

/** As a person says it: 97 %, <1 %. */
export const percent = (share) => (share < 0.01 ? '<1 %' : `${Math.round(100 * share)} %`);

// Visible, for a word of white space.
const shown = (word) => word.replaceAll('\n', '⏎').trim() || '␣';

function alternatives(top) {
  return make('ul', '', ...top.map(([word, share]) => make('li', '', make('b', '', shown(word)), ` ${percent(share)}`)));
}

function token([word, share, top], told) {
  if (share === null) return document.createTextNode(word);
  const made = make('button', 'token', word);
  made.style.setProperty('--doubt', `${Math.round(100 * (1 - share))}%`);
  made.title = percent(share);
  made.addEventListener('click', () => {
    for (const other of made.parentElement.querySelectorAll('[aria-pressed]')) other.removeAttribute('aria-pressed');
    made.setAttribute('aria-pressed', 'true');
    told.replaceChildren(alternatives(top.some(([other]) => other === word) ? top : [[word, share], ...top]));
  });
  return made;
}

function panel({ tokens, figures }) {
  const told = make('div', 'alternatives', text('sureHint'));
  told.setAttribute('role', 'status');
  const rows = figures.map(({ label, share }, i) => make('li', '', `${label || `#${i + 1}`} `, make('b', '', percent(share))));
  return make('div', 'tokens', make('p', '', ...tokens.map((one) => token(one, told))), told, ...(rows.length ? [make('ul', 'figures', ...rows)] : []));
}

function toggle(row, sure) {
  const opened = row.classList.toggle('shows-tokens');
  row.querySelector(':scope > .tokens')?.remove();
  if (opened) row.querySelector(':scope > .how-sure').before(panel(sure));
  row.querySelector(':scope > .how-sure').setAttribute('aria-pressed', `${opened}`);
}

function offer(row, sure) {
  const there = row.querySelector(':scope > .how-sure');
  if (there?.sure === sure) {
    if (there && there.textContent !== text('howSure')) there.textContent = text('howSure');
    return;
  }
  there?.remove();
  row.querySelector(':scope > .tokens')?.remove();
  row.classList.remove('shows-tokens');
  if (!sure) return;
  const made = make('button', 'how-sure', text('howSure'));
  made.sure = sure;
  made.setAttribute('aria-pressed', 'false');
  made.addEventListener('click', () => toggle(row, sure));
  row.append(made);
}

/** Call it when the page is ready. */
export function start() {
  const update = () => {
    const answers = drawn.probabilities();
    document.querySelectorAll('#chatbot .bot-row').forEach((row, i) => { offer(row, answers[i]); });
  };
  const observer = new MutationObserver(update);
  observer.observe($('#chatbot'), { childList: true, subtree: true });
  observer.observe($('#page-texts'), ANY_CHANGE);
  whenDrawn(update);
  update();
}
