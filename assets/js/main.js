// The page's modules, which run before Gradio's own. Scripts that are no modules yet reach them through
// `window.qwenVlModules`.
import { endLoop } from './boot_screen.js';
import * as clipboard from './clipboard.js';
import { copyCode } from './code.js';
import { watchErrors } from './errors.js';
import * as failedUploads from './failed_uploads.js';
import * as keyboard from './keyboard.js';
import * as log from './log.js';
import * as notices from './notices.js';
import * as storage from './storage.js';
import { neighbours } from './tabs.js';
import { upload } from './upload.js';

const REFUSED = { blocked: 'storageBlocked', full: 'storageFull' };

endLoop(window, () => document.querySelector('#talk'));
watchErrors(window, () => notices.tell('scriptError'));
copyCode(document);
storage.whenRefused((why) => notices.tell(REFUSED[why]));

window.qwenVlModules = Object.freeze({ clipboard, failedUploads, keyboard, log, notices, storage, neighbours: neighbours(), upload });
