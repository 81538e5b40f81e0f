// Starts the page's modules, before Gradio's scripts run.
import { download } from './browser/download.js';
import { watchErrors } from './browser/errors.js';
import { askForRoom, whenItChanges } from './browser/on_screen_keyboard.js';
import * as storage from './browser/storage.js';
import * as chats from './chats/chats.js';
import { reply } from './chats/server.js';
import * as composer from './composer/composer.js';
import * as editBox from './composer/edit_box.js';
import { keepFocus, skipToComposer } from './composer/focus.js';
import * as price from './composer/price.js';
import * as newChat from './composer/new_chat.js';
import * as tasks from './composer/tasks.js';
import * as textLimit from './composer/text_limit.js';
import { copyCode } from './answers/code.js';
import * as comparison from './conversation/comparison.js';
import * as conversation from './conversation/conversation.js';
import { texts } from './conversation/drawn.js';
import * as enlarged from './conversation/enlarged.js';
import * as examples from './conversation/examples.js';
import * as places from './answers/grounding.js';
import * as probabilities from './answers/probabilities.js';
import * as reproduce from './conversation/reproduce.js';
import * as seek from './answers/seek.js';
import * as turns from './conversation/turns.js';
import { endLoop } from './opening/boot_screen.js';
import * as connection from './opening/connection.js';
import { acknowledge, open, sayGoodbye } from './opening/opening.js';
import * as said from './opening/said.js';
import { mount } from './page/elements.js';
import { chooseLanguage, language, nameThePage } from './page/language.js';
import * as notices from './page/notices.js';
import { $, whenReady } from './page/parts.js';
import * as refusals from './page/refusals.js';
import * as scrolling from './page/scrolling.js';
import * as checkpoint from './settings/checkpoint.js';
import { levelOf, tokensOf } from './settings/detail.js';
import * as logSliders from './settings/log_sliders.js';
import * as modelNote from './settings/model_note.js';
import * as settings from './settings/settings.js';
import * as sidebar from './settings/sidebar.js';
import * as tabStops from './settings/tab_stops.js';
import * as address from './tray/address.js';
import * as attachments from './tray/attachments.js';
import * as camera from './tray/camera.js';
import * as dropOverlay from './tray/drop_overlay.js';
import * as inspector from './inspector/inspector.js';
import * as tray from './tray/tray.js';

const REFUSED = { blocked: 'storageBlocked', full: 'storageFull' };

// For the `js` of Gradio's events (ui/page/layout.py, wiring.py and events.py), which cannot import modules.
/** @type {any} */ (window).qwenVlChat = Object.freeze({
  mount, open, acknowledge, price: price.price, held: said.held, download, language, chooseLanguage,
  draw: conversation.draw, copyLatest: conversation.copyLatest,
  sent: composer.sent, giveBack: composer.giveBack, written: composer.written,
  rewrite: editBox.rewrite, startOver: attachments.startOver,
  keptSettings: settings.keptSettings, gatherSettings: settings.gatherSettings, startSettings: settings.startSettings,
  takenSettings: comparison.takenSettings, verdict: reproduce.verdict, chatsReply: reply, tokensOf, levelOf,
});

endLoop(window, () => document.querySelector('#talk'));
watchErrors(window, () => notices.tell('scriptError'));
refusals.start(window);
copyCode(document);
storage.whenRefused((why) => notices.tell(REFUSED[why]));

for (const part of [address, attachments, checkpoint, comparison, connection, enlarged, examples, inspector, price, reproduce, seek, sidebar, tasks, textLimit]) part.start();
askForRoom(document);
whenItChanges(window, (height) => {
  $('#page').style.height = height ? `${height}px` : '';
  scrollTo(0, 0); // back from where Safari has scrolled
});
chats.start();
keepFocus();
skipToComposer();
sayGoodbye();
whenReady(nameThePage);
for (const part of [conversation, dropOverlay, logSliders, modelNote, newChat, scrolling, composer, turns, places, probabilities, camera, tray, tabStops]) whenReady(part.start);
whenReady(() => editBox.start(conversation.whenDrawn));
whenReady(() => said.start(texts, conversation.whenDrawn));
