import assert from 'node:assert/strict';
import { test } from 'node:test';
import { csv, placed, retyped, tables } from '../../../assets/js/data/tables.js';

const INVOICE = { number: 'A-1', total: 3.5, paid: null, items: [{ what: 'tea, green', price: 2 }, { what: '"x"', extra: true }], tags: ['a', 'b'] };

const texts = (value) => tables(value).map(({ name, head, rows }) => [name, head, rows.map((cells) => cells.map((cell) => cell.value))]);

test('fields are rows, and a list of objects is a table of its own', () => {
  assert.deepEqual(texts(INVOICE), [
    ['', null, [['number', 'A-1'], ['total', 3.5], ['paid', null], ['tags', ['a', 'b']]]],
    ['items', ['what', 'price', 'extra'], [['tea, green', 2, undefined], ['"x"', undefined, true]]],
  ]);
  assert.deepEqual(texts({ who: { name: 'Ann', at: { town: 'X' } } })[0][2], [['who.name', 'Ann'], ['who.at.town', 'X']]);
});

test('columns and rows are a table, lists and single values too', () => {
  assert.deepEqual(texts({ columns: ['a', 'b'], rows: [['1', '2']] }), [['', ['a', 'b'], [['1', '2']]]]);
  assert.deepEqual(texts(['x', 1]), [['', null, [['x'], [1]]]]);
  assert.deepEqual(texts([]), [['', null, []]]);
  assert.deepEqual(texts(7), [['', null, [[7]]]]);
});

test('CSV quotes what it must, and nothing begins like a formula', () => {
  assert.equal(csv([{ a: 'x,y', b: 'say "hi"\n', c: -2 }, { a: '=1+1', b: null, c: true }]), 'a,b,c\r\n"x,y","say ""hi""\n",-2\r\n\'=1+1,,true\r\n');
  assert.equal(csv(INVOICE).split('\r\n\r\n')[1].split('\r\n')[0], 'what,price,extra');
});

test('the objects that name a place are found in the order of the text', () => {
  const value = { title: { text: 'A', bbox_2d: [1, 2, 3, 4] }, rows: [{ label: 'b', box: [1, 2, 3, 4] }, { label: 'c', numbers: [1, 2] }, { point: [3, 4] }] };
  assert.deepEqual(placed(value), ['title', 'rows.0', 'rows.2']);
  assert.deepEqual(placed({ box: ['a', 'b'] }), []);
});

test('what is written into a cell stays of its kind', () => {
  assert.deepEqual([retyped('4.5', 3), retyped('four', 3), retyped('4', '3'), retyped('', 3), retyped('', 'a'), retyped('false', true), retyped('x', null), retyped('[1]', [2])], [4.5, 'four', '4', null, '', false, 'x', [1]]);
});
