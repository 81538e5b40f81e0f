import assert from 'node:assert/strict';
import test from 'node:test';
import { Intake } from '../../../assets/js/tray/intake.js';

const refuse = () => Promise.reject(Object.assign(new Error('gone'), { reason: 'connection' }));
const boat = { name: 'boat.png', size: 9 };

// An intake that works, but for what is given, with what it has done.
function intake(given = {}) {
  const done = { failed: [], delivered: [], restored: [], sent: 0, shown: [] };
  const cards = { leaves: () => {}, arrived: () => {}, failed: (file, { reason }) => done.failed.push([file, reason]) };
  const works = {
    store: async ({ name }) => `/tmp/${name}`,
    cards,
    deliver: async (files) => { done.delivered.push(...files); return ''; },
    restore: (file) => done.restored.push(file),
    send: () => { done.sent += 1; },
    show: (underWay) => done.shown.push(underWay && { percent: underWay.percent, held: underWay.held }),
  };
  return { made: new Intake({ ...works, ...given, cards: { ...cards, ...given.cards } }), done };
}

// Whether what would be sent now is held back.
function heldBack(made) {
  const pressed = new Event('keydown', { cancelable: true });
  made.holdBack(pressed);
  return pressed.defaultPrevented;
}

test('a message waits for a file that is on its way, and goes with it', async () => {
  const { made, done } = intake();
  made.open();
  const added = made.add([boat]);
  assert.equal(heldBack(made), true);
  await added;
  assert.deepEqual([done.delivered, done.sent], [[{ path: '/tmp/boat.png', name: 'boat.png' }], 1]);
  assert.deepEqual([done.shown.at(0), done.shown.at(-1)], [{ percent: 0, held: false }, null]);
  assert.ok(done.shown.some((seen) => seen?.held));
});

test('a message waits for a change of the tray, and goes after it', async () => {
  const { made, done } = intake();
  made.open();
  let end = () => {};
  const changed = made.during(new Promise((resolve) => { end = () => resolve(''); }));
  assert.deepEqual([heldBack(made), done.sent], [true, 0]);
  end();
  await changed;
  assert.deepEqual([heldBack(made), done.sent], [false, 1]);
});

test('a message does not go without the file that failed, and is held back no longer', async () => {
  const { made, done } = intake({ store: refuse });
  made.open();
  const added = made.add([boat]);
  assert.equal(heldBack(made), true);
  await added;
  assert.deepEqual([done.failed, done.sent, heldBack(made)], [[[boat, 'connection']], 0, false]);
});

test('a failure that cannot be shown holds nothing back', async () => {
  const { made, done } = intake({ store: refuse, cards: { failed: () => { throw new Error('no card'); } } });
  made.open();
  await assert.rejects(made.add([boat]), /no card/);
  assert.deepEqual([heldBack(made), done.shown.at(-1)], [false, null]);
});

test('what is sent before the server knows the page is sent when it does', () => {
  const { made, done } = intake();
  assert.deepEqual([heldBack(made), done.sent], [true, 0]);
  made.open();
  assert.deepEqual([heldBack(made), done.sent], [false, 1]);
});

test('files that the server does not put into the tray have cards', async () => {
  const { made, done } = intake({ deliver: async () => 'silence' });
  made.open();
  await made.add([boat]);
  assert.deepEqual(done.failed, [[boat, 'silence']]);
});

test('what is taken back while it is on its way goes nowhere', async () => {
  const { made, done } = intake({ store: () => new Promise(() => {}) });
  made.open();
  const added = made.add([boat]);
  heldBack(made);
  made.abandon();
  await added;
  assert.deepEqual([done.delivered, done.failed, done.sent], [[], [], 0]);
});

test('an exported conversation is no attachment, and of several the last is opened', async () => {
  const { made, done } = intake();
  await made.add([{ name: 'a.zip', size: 1 }, boat, { name: 'b.ZIP', size: 1 }]);
  assert.deepEqual(done.restored, [{ path: '/tmp/b.ZIP', name: 'b.ZIP' }]);
  assert.deepEqual(done.delivered.map(({ name }) => name), ['boat.png']);
});
