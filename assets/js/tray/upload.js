// Uploads one file. It always ends, whatever the server answers, and also if it does not answer.

const ADDRESS = 'gradio_api/upload';
const SILENCE_MS = 60_000; // without progress or an answer

/** Why a file was not stored: `reason` is 'too-large', 'not-stored', 'log-in', 'refused', 'unreadable', 'strange', 'connection', 'silence' or 'cancelled'. */
export class UploadError extends Error {
  constructor(reason, status = 0) {
    super(status ? `${reason} (${status})` : reason);
    this.name = 'UploadError';
    this.reason = reason;
    this.status = status;
  }
}

// With these a gateway answers for a server that it cannot reach.
const AWAY = [502, 503, 504, 520, 521, 522, 523, 524];

function failed(status) {
  if (status === 413) return new UploadError('too-large', status);
  if (status === 401 || status === 403 || status === 407) return new UploadError('log-in', status);
  if (AWAY.includes(status)) return new UploadError('connection', status);
  return new UploadError(status >= 500 ? 'not-stored' : 'refused', status);
}

/** The file's path on the server, from its answer. Throws `UploadError`. */
export function stored(status, body) {
  if (status !== 200) throw failed(status);
  let paths;
  try { paths = JSON.parse(body); } catch { /* a page for people: a log-in, a firewall */ }
  if (!Array.isArray(paths) || typeof paths[0] !== 'string' || !paths[0]) throw new UploadError('strange', status);
  return paths[0];
}

/**
 * Send a file. Resolves to its path on the server, or rejects with an `UploadError`.
 *
 * progress: called with the bytes sent and the total; signal: an AbortSignal; maxBytes: 0 for any size.
 * @param {File} file
 * @param {{ address?: string, progress?: (sent: number, all: number) => void, signal?: AbortSignal, maxBytes?: number, silenceMs?: number }} options
 */
export function upload(file, { address = ADDRESS, progress = () => {}, signal, maxBytes = 0, silenceMs = SILENCE_MS } = {}) {
  if (maxBytes && file.size > maxBytes) return Promise.reject(new UploadError('too-large'));
  if (signal?.aborted) return Promise.reject(new UploadError('cancelled'));
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    let timer;
    let ended = false;
    const cancel = () => end(new UploadError('cancelled'));
    function end(error, path) {
      if (ended) return;
      ended = true;
      clearTimeout(timer);
      signal?.removeEventListener('abort', cancel);
      if (error) { reject(error); request.abort(); } else resolve(path);
    }
    function heard() {
      clearTimeout(timer);
      if (!ended) timer = setTimeout(() => end(new UploadError('silence')), silenceMs);
    }
    request.upload.onprogress = (event) => { heard(); progress(event.loaded, event.total); };
    request.onload = () => {
      try { end(null, stored(request.status, request.responseText)); } catch (error) { end(error); }
    };
    // A file that was moved or changed since it was chosen fails in the same way.
    request.onerror = () => readable(file).then((it) => end(new UploadError(it ? 'connection' : 'unreadable')));
    request.onabort = cancel; // by the browser, when the page is left
    signal?.addEventListener('abort', cancel);
    const form = new FormData();
    form.append('files', file, file.name);
    heard();
    request.open('POST', address);
    request.send(form);
  });
}

async function readable(file) {
  try {
    // In Chromium a file that is gone has size 0, and reading an empty slice of it succeeds.
    await (file.size ? file.slice(0, 1) : file).arrayBuffer();
    return true;
  } catch {
    return false;
  }
}
