// Starts the list of chats, if the operator offers it.
import { button } from '../page/dialog.js';
import { whenMounted } from '../page/elements.js';
import { opened } from '../opening/opening.js';
import { $, whenReady } from '../page/parts.js';
import { text, whenSaid } from '../page/texts.js';
import { choose, chosen, whenChosen } from './choice.js';
import * as keeping from './keeping.js';
import * as panel from './panel.js';
import * as store from './store.js';

let possible = false; // the browser has a database

// Asks once whether chats may be kept. The question appears with the first message: later it would shift the answer.
function ask() {
  const asked = $('#keep-chats');
  if (chosen() !== null || (keeping.ended() && !keeping.answered())) return void asked?.remove();
  if (asked || !possible) return;
  const place = Object.assign(document.createElement('div'), { id: 'keep-chats' });
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
  whenSaid(say);
}

export function start() {
  whenMounted('chats', () => opened.then(() => whenReady(() => {
    keeping.start(ask);
    whenChosen(ask);
    panel.start();
    store.list('').then(() => { possible = true; ask(); }, () => {});
  })));
}
