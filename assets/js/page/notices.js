// Sentences that the page itself has to say, above the composer until they are dismissed. What the server has
// to say stands in `#notice`.
import { text, whenSaid } from './texts.js';

const told = new Set(); // names of sentences, each told once in the life of a page unless it is withdrawn
const standing = new Map(); // by name: what stands in its `{...}`
let drawn = false;

export function tell(name, values = {}) {
  if (told.has(name)) return;
  told.add(name);
  standing.set(name, values);
  if (drawn) draw();
  else whenSaid(draw);
  drawn = true;
}

/** It is no longer so. */
export function withdraw(name) {
  told.delete(name);
  if (standing.delete(name)) draw();
}

function draw() {
  const composer = document.querySelector('#composer');
  if (!composer) return setTimeout(draw, 100);
  const box = document.querySelector('#told') ?? Object.assign(document.createElement('div'), { id: 'told' });
  if (!box.isConnected) composer.before(box);
  return box.replaceChildren(...[...standing].map(line));
}

function line([name, values]) {
  const made = document.createElement('p');
  made.setAttribute('role', 'alert');
  const button = document.createElement('button');
  Object.assign(button, { type: 'button', textContent: '✕', ariaLabel: text('dismiss') });
  button.addEventListener('click', () => { standing.delete(name); draw(); });
  made.append(text(name, values), button);
  return made;
}
