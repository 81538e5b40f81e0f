import assert from 'node:assert/strict';
import test from 'node:test';
import { neighbours } from '../../../assets/js/opening/tabs.js';

// A browser with several tabs: what one of them posts, all others hear.
function browser() {
  const channels = [];
  return () => {
    const heard = new EventTarget();
    const channel = {
      addEventListener: (kind, listener) => heard.addEventListener(kind, listener),
      postMessage: (data) => {
        for (const other of channels.filter((one) => one !== channel)) other.hear(data);
      },
      hear: (data) => heard.dispatchEvent(Object.assign(new Event('message'), { data })),
    };
    channels.push(channel);
    return channel;
  };
}

test('a tab is told that another has its key, and no other key', async () => {
  const open = browser();
  const [first, second] = [neighbours(open, 5), neighbours(open, 5)];
  first.take('a');
  assert.equal(await second.have('a'), true);
  assert.equal(await second.have('b'), false);
  second.take('b');
  assert.equal(await first.have('b'), true);
});

test('two keys that are asked for at once are told apart', async () => {
  const open = browser();
  const [first, second] = [neighbours(open, 5), neighbours(open, 5)];
  first.take('b');
  assert.deepEqual(await Promise.all([second.have('a'), second.have('b')]), [false, true]);
});

test('after a reload nobody answers, and without a key nobody is asked', async () => {
  const open = browser();
  const asked = [];
  open().addEventListener('message', ({ data }) => asked.push(data));
  assert.equal(await neighbours(open, 5).have('a'), false);
  assert.equal(await neighbours(open, 5).have(''), false);
  assert.deepEqual(asked, [{ asked: 'a' }]);
});

test('a tab that answers late is heard', async () => {
  const open = browser();
  const first = open(); // which is busy
  const second = neighbours(open, 5);
  let late = 0;
  assert.equal(await second.have('a'), false);
  second.take('a', () => { late += 1; });
  first.postMessage({ held: 'another' });
  assert.equal(late, 0);
  first.postMessage({ held: 'a' });
  assert.equal(late, 1);
});

test('a browser without channels has no neighbours', async () => {
  const alone = neighbours(() => { throw new ReferenceError('BroadcastChannel'); }, 5);
  assert.equal(await alone.have('a'), false);
});
