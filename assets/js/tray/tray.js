// What is attached, as cards that the server draws.
import { tell, whenMounted } from '../page/elements.js';
import { known } from '../opening/opening.js';
import { one } from '../page/parts.js';
import { text } from '../page/texts.js';

const SETTLE_MS = 20000; // a server that says nothing for so long, and as long again for each file, has forgotten it
const DRAWN_MS = 1000; // until an answer is drawn
const EVENT = /\/gradio_api\/run\/predict\b/;

const mounted = new Promise((resolve) => { whenMounted('tray', resolve); });
let asked = known;

let end = (_refusal) => {}; // the wait for the answer to what was asked last

/** @type {(request: any) => boolean} */
const refused = ({ name, responseStatus }) => responseStatus >= 400 && EVENT.test(name);

// Gradio tells nobody of an event that the server, or a proxy before it, has refused. The refused event may be another
// one, so an answer that is on its way has a moment to be drawn.
function watchRefusals() {
  new PerformanceObserver((requests) => {
    if (requests.getEntries().some(refused)) setTimeout(end, DRAWN_MS, 'notTaken');
  }).observe({ type: 'resource' });
}

/**
 * Ask the server for a change of the tray; gives '' when it has answered, else why not: 'notTaken', 'silence'.
 *
 * It answers by drawing the tray anew, with the name of the wish on it: others have it drawn, too. One wish after the
 * other: answers overtake each other, and the one that is drawn last has to be the newest.
 */
export const ask = (event, data) => asked = asked.then(async () => {
  const wish = Math.random().toString(36).slice(2);
  const refusal = granted(await mounted, wish, SETTLE_MS * (1 + (data.files?.length ?? 0)));
  tell('tray', event, { ...data, wish });
  return await refusal;
}).catch((error) => { reportError(error); return 'silence'; });

const granted = (element, wish, patience) => new Promise((resolve) => {
  const observer = new MutationObserver(() => {
    if (element.querySelector('[data-heard]')?.dataset.heard === wish) ended('');
  });
  const ended = (refusal) => { observer.disconnect(); clearTimeout(timer); resolve(refusal); };
  const timer = setTimeout(ended, patience, 'silence');
  end = ended;
  observer.observe(element, { childList: true, subtree: true, attributeFilter: ['data-heard'] });
});

// What each item costs, and whether the model has read it already, is written on its card. The server says
// so in elements of their own, so that nobody's focus is lost to a tray that is drawn anew.
function mark() {
  const read = new Set((one('#ready [data-ready]')?.dataset.ready ?? '').split(' '));
  for (const card of one('#tray').querySelectorAll('li')) {
    const { id } = card.querySelector('[data-id]').dataset;
    const cost = one(`#cost-card [data-item="${id}"]`)?.dataset;
    const line = card.querySelector('p span');
    if (cost && line.textContent !== cost.tokens) line.textContent = cost.tokens;
    card.toggleAttribute('data-read', read.has(id));
    const name = card.querySelector('img').alt;
    card.title = [name, cost?.sizes, read.has(id) && text('read')].filter(Boolean).join(' · ');
  }
}

function press(event) {
  const button = event.target.closest('button[data-op]');
  if (button) ask('select', { op: button.dataset.op, id: button.dataset.id });
}

/** Call it when the page is ready. */
export function start() {
  watchRefusals();
  // What is alike Gradio leaves standing, and changes only its attributes and texts.
  const told = { childList: true, subtree: true, attributeFilter: ['data-ready', 'data-item', 'data-tokens'] };
  for (const place of ['#tray', '#ready', '#cost-card']) new MutationObserver(mark).observe(one(place), told);
  whenMounted('tray', (element) => element.addEventListener('click', press));
  mark();
}
