import assert from 'node:assert/strict';
import http from 'node:http';
import { once } from 'node:events';
import { after, before, test } from 'node:test';
import { upload } from '../../../assets/js/tray/upload.js';
import { XMLHttpRequest } from '../xml_http_request.js';

const browser = /** @type {any} */ (globalThis);
browser.XMLHttpRequest = XMLHttpRequest;
const picture = new File(['a picture'], 'boat.png', { type: 'image/png' });
let server;
let address;
let answer; // (request, response) => void
const posted = [];

before(async () => {
  server = http.createServer(async (request, response) => {
    posted.push(request);
    let content = '';
    try { for await (const part of request) content += part; } catch { return; }
    answer(Object.assign(request, { content }), response);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  address = `http://127.0.0.1:${server.address().port}/gradio_api/upload`;
});
after(() => { server.closeAllConnections(); server.close(); });

const says = (status, body) => (_, response) => response.writeHead(status).end(body);
const reason = async (how, options = {}) => {
  answer = how;
  const error = await upload(picture, { address, ...options }).then(() => 'stored', (refused) => refused);
  return error.reason ?? error;
};

test('a stored file gives its path, and says how far it is', async () => {
  answer = says(200, JSON.stringify(['/uploads/boat.png']));
  const seen = [];
  assert.equal(await upload(picture, { address, progress: (...far) => seen.push(far) }), '/uploads/boat.png');
  assert.ok(seen.length && seen.every(([sent, all]) => sent <= all));
});

test('whatever else is answered ends the upload with a reason', async () => {
  const cases = [
    [200, '<!doctype html><title>Log in</title>', 'strange'],
    [200, '', 'strange'],
    [200, '[]', 'strange'],
    [200, '{"path": "/uploads/boat.png"}', 'strange'],
    [200, '[7]', 'strange'],
    [200, '[""]', 'strange'],
    [200, 'null', 'strange'],
    [204, '', 'refused'],
    [401, '{}', 'log-in'],
    [403, 'Forbidden', 'log-in'],
    [404, 'Not Found', 'refused'],
    [407, '', 'log-in'],
    [413, '<html>', 'too-large'],
    [500, 'Internal Server Error', 'not-stored'],
    [502, '<html>', 'connection'],
    [503, '', 'connection'],
    [504, '', 'connection'],
    [507, '{}', 'not-stored'],
    [522, '<html>', 'connection'],
  ];
  for (const [status, body, expected] of cases) {
    assert.equal(await reason(says(status, body)), expected, `${status} ${body}`);
  }
});

test('a connection that is cut, before the answer or in it, ends it', async () => {
  assert.equal(await reason((request) => request.socket.destroy()), 'connection');
  assert.equal(await reason((request, response) => {
    response.writeHead(200, { 'content-length': 100 }).write('["/upl');
    setTimeout(() => request.socket.destroy(), 20);
  }), 'connection');
  answer = null;
  assert.equal(await upload(picture, { address: 'http://127.0.0.1:9/' }).catch((error) => error.reason), 'connection');
});

test('the file goes in the field that Gradio reads, under its name', async () => {
  await reason(says(200, '["/p"]'));
  assert.match(posted.at(-1).content, /name="files"; filename="boat.png"/);
});

test('a server that says nothing ends it, and the connection to it', async () => {
  const closed = new Promise((resolve) => { answer = (request) => request.socket.on('close', resolve); });
  assert.equal(await upload(picture, { address, silenceMs: 50 }).catch((error) => error.reason), 'silence');
  await closed;
});

test('a server that takes no byte ends it', async () => {
  class Stuck extends XMLHttpRequest { async send() { /* the network takes nothing */ } }
  browser.XMLHttpRequest = Stuck;
  try {
    assert.equal(await upload(picture, { address, silenceMs: 5 }).catch((error) => error.reason), 'silence');
  } finally {
    browser.XMLHttpRequest = XMLHttpRequest;
  }
});

test('who is still heard of is waited for', async () => {
  class Slow extends XMLHttpRequest {
    async send() {
      for (let sent = 0; sent < 6; sent += 1) {
        await new Promise((resolve) => { setTimeout(resolve, 20); });
        this.upload.onprogress({ loaded: sent, total: 6 });
      }
      Object.assign(this, { status: 200, responseText: '["/p"]' }).onload();
    }
  }
  browser.XMLHttpRequest = Slow;
  try {
    assert.equal(await upload(picture, { address, silenceMs: 100 }), '/p');
  } finally {
    browser.XMLHttpRequest = XMLHttpRequest;
  }
});

test('an upload that the browser ends itself is no failure', async () => {
  let asked;
  class Seen extends XMLHttpRequest { constructor() { super(); asked = this; } }
  browser.XMLHttpRequest = Seen;
  try {
    assert.equal(await reason(() => { asked.abort(); asked.onabort?.(); }), 'cancelled');
  } finally {
    browser.XMLHttpRequest = XMLHttpRequest;
  }
});

test('it can be cancelled, before and meanwhile', async () => {
  const stop = new AbortController();
  const ended = reason(() => stop.abort(), { signal: stop.signal });
  assert.equal(await ended, 'cancelled');
  const count = posted.length;
  assert.equal(await reason(() => {}, { signal: stop.signal }), 'cancelled');
  assert.equal(posted.length, count);
});

test('a file above the limit is not sent at all', async () => {
  const count = posted.length;
  assert.equal(await reason(() => {}, { maxBytes: picture.size - 1 }), 'too-large');
  assert.equal(posted.length, count);
  assert.equal(await reason(says(200, '["/p"]'), { maxBytes: picture.size }), 'stored');
});

test('a file that is gone is told apart from a connection that is', async () => {
  const unreadable = { arrayBuffer: () => Promise.reject(new Error('NotFoundError')) };
  const gone = { name: 'gone.png', size: 3, slice: () => unreadable };
  const goneBefore = { name: 'gone.png', size: 0, slice: () => new Blob(), ...unreadable };
  const append = FormData.prototype.append;
  FormData.prototype.append = /** @type {any} */ (function (name, file, called) { return append.call(this, name, file instanceof File ? file : picture, called); });
  try {
    answer = (request) => request.socket.destroy();
    for (const file of [gone, goneBefore]) {
      assert.equal(await upload(/** @type {any} */ (file), { address }).catch((error) => error.reason), 'unreadable');
    }
  } finally {
    FormData.prototype.append = append;
  }
});
