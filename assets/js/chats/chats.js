// The chats of this browser, where the operator offers that.
import { button } from '../page/dialog.js';
import { whenMounted } from '../page/elements.js';
import { opened } from '../opening/opening.js';
import { $, whenReady } from '../page/parts.js';
import { text, whenSaid } from '../page/texts.js';
import { choose, chosen, whenChosen } from './choice.js';
import * as keeping from './keeping.js';
import * as panel from './panel.js';
import * as store from './store.js';

// The question whether chats may be kept, which is asked once: after the first answer.
async function ask() {
  const asked = $('#keep-chats');
  if (chosen() !== null || !keeping.answered() || !keeping.ended()) return asked?.remove();
  if (asked || !await store.list('').catch(() => null)) return undefined; // or the browser has no database
  const place = $('#keep-chats') ?? Object.assign(document.createElement('div'), { id: 'keep-chats' });
  const said = document.createElement('p');
  said.setAttribute('role', 'status');
  const answer = (choice) => button('', choice === 'yes' ? 'primary' : '', () => choose(choice));
  const [yes, no] = [answer('yes'), answer('no')];
  const say = () => {
    said.textContent = text('chatsAsk');
    yes.textContent = text('chatsKeep');
    no.textContent = text('chatsNo');
  };
  place.replaceChildren(said, yes, no);
  $('#composer').before(place);
  return whenSaid(say);
}

export function start() {
  whenMounted('chats', () => opened.then(() => whenReady(() => {
    keeping.start(ask);
    whenChosen(ask);
    panel.start();
  })));
}
