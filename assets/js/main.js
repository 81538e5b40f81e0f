// Starts the page's modules, before Gradio's own run.
import * as attachments from './attachments.js';
import { endLoop } from './boot_screen.js';
import * as camera from './camera.js';
import { copyCode } from './code.js';
import * as comparison from './comparison.js';
import * as composer from './composer.js';
import * as connection from './connection.js';
import { copyLatest, draw } from './conversation.js';
import { download } from './download.js';
import * as editBox from './edit_box.js';
import { mount } from './elements.js';
import * as enlarged from './enlarged.js';
import { watchErrors } from './errors.js';
import * as examples from './examples.js';
import { keepFocus, skipToComposer } from './focus.js';
import * as inspector from './inspector.js';
import { chooseLanguage, language, nameThePage } from './language.js';
import * as notices from './notices.js';
import { open, opened, sayGoodbye } from './opening.js';
import { whenReady } from './parts.js';
import * as places from './places.js';
import { price } from './price.js';
import * as reproduce from './reproduce.js';
import * as scrolling from './scrolling.js';
import * as seek from './seek.js';
import * as settings from './settings.js';
import * as sidebar from './sidebar.js';
import * as storage from './storage.js';
import * as tabStops from './tab_stops.js';
import * as textLimit from './text_limit.js';
import * as tray from './tray.js';
import * as turns from './turns.js';

const REFUSED = { blocked: 'storageBlocked', full: 'storageFull' };

// What Gradio's events call (ui/page/layout.py, wiring.py and events.py), which know nothing of modules. Whatever
// else a module needs of another it imports.
/** @type {any} */ (window).qwenVlChat = Object.freeze({
  mount, open, opened, draw, price, download, language, chooseLanguage, copyLatest,
  sent: composer.sent, giveBack: composer.giveBack, written: composer.written,
  rewrite: editBox.rewrite, startOver: attachments.startOver,
  keptSettings: settings.keptSettings, gatherSettings: settings.gatherSettings, startSettings: settings.startSettings,
  takenSettings: comparison.takenSettings, verdict: reproduce.verdict,
});

endLoop(window, () => document.querySelector('#talk'));
watchErrors(window, () => notices.tell('scriptError'));
copyCode(document);
storage.whenRefused((why) => notices.tell(REFUSED[why]));

for (const part of [attachments, comparison, connection, enlarged, examples, inspector, reproduce, seek, sidebar, textLimit]) part.start();
keepFocus();
skipToComposer();
sayGoodbye();
whenReady(nameThePage);
for (const part of [scrolling, composer, editBox, turns, places, camera, tray, tabStops]) whenReady(part.start);
