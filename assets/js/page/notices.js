// Notices of the scripts, above the composer until they are dismissed. The server's notices are in `#notice`.
import { text, whenSaid } from './texts.js';

const told = new Set(); // names of notices; each is shown once in the life of a page unless it is withdrawn
const standing = new Map(); // by name: the values of its `{...}`
let drawn = false;

export function tell(name, values = {}) {
  if (told.has(name)) return;
  told.add(name);
  standing.set(name, values);
  if (drawn) draw();
  else whenSaid(draw);
  drawn = true;
}

/** Remove a notice that is no longer true. */
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
