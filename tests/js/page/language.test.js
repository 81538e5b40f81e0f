import assert from 'node:assert/strict';
import test from 'node:test';
import { best, chooseLanguage, language } from '../../../assets/js/page/language.js';

test('a visitor reads the first of their languages that the page has', () => {
  for (const [tags, found] of [
    [[], 'en'],
    [['fr'], 'en'],
    [['ko-KR'], 'ko'],
    [['fr-CH', 'fr', 'KO', 'zh'], 'ko'],
    [['en-GB', 'ko'], 'en'],
    [['kok-IN', 'zha'], 'en'], // Konkani and Zhuang
    [['zh'], 'zh'],
    [['zh-CN', 'zh', 'en'], 'zh'],
    [['zh-Hans-HK'], 'zh'],
    [['zh-TW'], 'en'],
    [['zh-TW', 'zh', 'en-US', 'en'], 'en'],
    [['zh-Hant-TW'], 'en'],
    [['zh-HK', 'zh', 'ko'], 'ko'],
    [['zh-TW', 'zh-CN'], 'zh'],
    [['zh', 'zh-TW'], 'zh'],
  ]) assert.equal(best(tags), found, String(tags));
});

test('the address comes before what was chosen, and this before the browser', () => {
  const page = { location: { search: '' }, navigator: { languages: ['ko'] }, document: { documentElement: { lang: '' } } };
  for (const [name, value] of Object.entries(page)) {
    Object.defineProperty(globalThis, name, { value, configurable: true });
  }
  assert.deepEqual([language(), page.document.documentElement.lang], ['ko', 'ko']);
  chooseLanguage('zh');
  page.document.documentElement.lang = '';
  assert.deepEqual([language(), page.document.documentElement.lang], ['zh', 'zh']);
  page.location.search = '?lang=en';
  assert.deepEqual([language(), page.document.documentElement.lang], ['en', 'en']);
});
