/**
 * The script of the page, as a browser gets it. It checks what is in the page without asking anybody: what the page shows against
 * its seal, then every line of the trail as `application/journal/trail.ts` does. It writes text only, never HTML.
 * Plain JavaScript in a string, because the browser takes neither types nor imports; the properties run it.
 */
export const PAGE_SCRIPT = String.raw`
'use strict';
(() => {
  const shownIn = (name) => document.querySelector(name).innerHTML;
  const main = shownIn('main');
  const shown = shownIn('head') + main + shownIn('footer');
  const utf8 = new TextEncoder();
  const bytesOf = (base64) => Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  /** The one base64 that there is for so many bytes: a decoder passes over the bits past the end. */
  const isBase64Of = (length, base64) => {
    const bytes = bytesOf(base64);
    return bytes.length === length && btoa(String.fromCharCode(...bytes)) === base64;
  };
  const hex = (bytes) => Array.from(new Uint8Array(bytes), (byte) => byte.toString(16).padStart(2, '0')).join('');
  const sha256 = async (bytes) => hex(await crypto.subtle.digest('SHA-256', bytes));
  const sha256Text = (text) => sha256(utf8.encode(text));
  const textOf = (id) => document.getElementById(id).textContent.trim();

  /** RFC 8785: members by the code units of their names. */
  const canonical = (value) => {
    if (value === null || typeof value !== 'object') return JSON.stringify(value);
    if (Array.isArray(value)) return '[' + value.map(canonical).join(',') + ']';
    return '{' + Object.keys(value).sort().map((name) => JSON.stringify(name) + ':' + canonical(value[name])).join(',') + '}';
  };

  /** True, false, or null when this browser has no Ed25519. */
  const isSigned = async (text, { algorithm, publicKey, value }) => {
    if (algorithm !== 'ed25519' || !isBase64Of(32, publicKey) || !isBase64Of(64, value)) return false;
    let key;
    try {
      key = await crypto.subtle.importKey('raw', bytesOf(publicKey), { name: 'Ed25519' }, false, ['verify']);
    } catch (error) {
      if (error.name === 'NotSupportedError') return null;
      throw error;
    }
    return crypto.subtle.verify({ name: 'Ed25519' }, key, bytesOf(value), utf8.encode(text));
  };

  class Flaw extends Error {}
  const must = (holds, what) => {
    if (!holds) throw new Flaw(what);
  };

  const signatures = { checked: 0, unknown: 0, inJob: 0, keys: new Set() };
  const mustBeSigned = async (text, signature, what) => {
    const answer = await isSigned(text, signature);
    must(answer !== false, what);
    if (answer === null) signatures.unknown += 1;
    else signatures.checked += 1;
    signatures.keys.add(signature.publicKey);
  };

  /** The body holds what is sealed, the three scripts, and nothing else. */
  const isFrame = () =>
    document.body.attributes.length === 0 &&
    !document.body.shadowRoot &&
    [...document.body.childNodes].every((node) => node.nodeName !== '#text' || node.textContent.trim() === '') &&
    [...document.body.children].map(({ nodeName }) => nodeName).join() === 'MAIN,FOOTER,SCRIPT,SCRIPT,SCRIPT' &&
    [...document.body.children].slice(0, 2).every(({ attributes, shadowRoot }) => attributes.length === 0 && !shadowRoot);

  /** What the page shows is what was sealed when it was made. */
  const checkView = async () => {
    must(isFrame(), 'This page shows more than what was sealed when it was made, or less.');
    const seal = JSON.parse(textOf('seal'));
    must((await sha256Text(shown)) === seal.view, 'What this page shows was changed after it was made.');
    await mustBeSigned('chainfold report view ' + seal.view, seal.signature, 'The seal of what this page shows has a wrong signature.');
    return seal.signature.publicKey;
  };

  const unzipped = async () => {
    const zipped = new Blob([bytesOf(textOf('trail').replace(/\s+/g, ''))]);
    const unzip = zipped.stream().pipeThrough(new DecompressionStream('gzip'));
    return new Uint8Array(await new Response(unzip).arrayBuffer());
  };

  const hashOf = ({ hash, ...unhashed }) => sha256Text(canonical(unhashed));

  /** Follows the chain: 'hash' is what the content of the event gives. */
  const checkEvent = async (event, hash, stream, head) => {
    const place = 'Event ' + (head.revision + 1) + ' of ' + stream;
    must(event.stream === stream && event.revision === head.revision + 1, place + ' is missing, or another stands in its place.');
    must(event.prevHash === head.hash, place + ' does not follow the event before it.');
    must(event.hash === hash, place + ' was changed: its content does not give its hash.');
    if (event.meta.signature !== undefined) {
      const { id, hash: _, ...content } = event;
      const { signature, ...meta } = content.meta;
      await mustBeSigned(canonical({ ...content, meta }), signature, place + ' has a wrong signature.');
      signatures.inJob += 1;
    }
    return { revision: event.revision, hash };
  };

  /** Line by line what was said, with its hash where it is an event. Many at once, because a browser hashes each on its own. */
  async function* saidIn(lines) {
    for (let from = 0; from < lines.length; from += 500) {
      const batch = lines.slice(from, from + 500).map((line, index) => {
        const said = JSON.parse(line);
        must(JSON.stringify(said) === line, 'Line ' + (from + index + 1) + ' of the trail is not as it was written.');
        return said;
      });
      const hashes = await Promise.all(batch.map((said) => (said.prevHash === undefined ? null : hashOf(said))));
      for (const [index, said] of batch.entries()) yield [from + index, said, hashes[index]];
    }
  }

  const checkTrail = async (onProgress) => {
    const bytes = await unzipped();
    const lines = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes).split('\n');
    must(lines.pop() === '', 'The last line of the trail is not whole.');
    const last = lines.pop();
    const heads = [];
    let [stream, head, events] = [null, null, 0];
    for await (const [index, said, hash] of saidIn(lines)) {
      if (index === 0) must(said.type === 'trail' && said.format === 1, 'The trail has no first line.');
      else if (said.type === 'head') {
        must(said.stream === stream && said.revision === head.revision && said.hash === head.hash, 'A head differs from the events before it.');
        heads.push(head.revision + ':' + head.hash);
        stream = null;
      } else {
        if (stream === null) [stream, head] = [said.stream, { revision: -1, hash: await sha256Text(said.stream) }];
        head = await checkEvent(said, hash, stream, head);
        events += 1;
        if (events % 5000 === 0) await onProgress(events);
      }
    }
    must(stream === null, 'The head of ' + stream + ' is missing.');
    const end = JSON.parse(last);
    must(end.type === 'end' && JSON.stringify(end) === last, 'The trail has no end line: something was cut off.');
    must(end.events === events && end.streams === heads.length, 'The trail counts other events than it has.');
    const before = bytes.subarray(0, bytes.length - utf8.encode(last).length - 1);
    must((await sha256(before)) === end.sha256, 'The digest of the trail is not that of its lines.');
    await mustBeSigned('chainfold trail ' + end.sha256, end.signature, 'The trail has a wrong signature.');
    return { events, heads, publicKey: end.signature.publicKey };
  };

  const result = document.getElementById('result');
  const say = (kind, name, what) => {
    const line = document.createElement('p');
    line.className = kind;
    line.append(Object.assign(document.createElement('b'), { textContent: name }), document.createTextNode(what));
    result.append(line);
  };
  const fingerprint = async (key) => (await sha256(bytesOf(key))).slice(0, 16);

  const report = async () => {
    const sealer = await checkView();
    say('good', 'Page', 'shows what its seal says.');
    const note = result.appendChild(document.createElement('p'));
    const trail = await checkTrail(async (events) => {
      note.textContent = events + ' events checked so far';
      await new Promise((resolve) => setTimeout(resolve));
    });
    note.remove();
    must(sealer === trail.publicKey, 'The page and the trail are signed by two keys.');
    const heads = [...main.matchAll(/<code>(\d+:[0-9a-f]{64})<\/code><span class="sub">[\d,]+ events? in /g)].map(([, head]) => head);
    must(heads.join() === trail.heads.join(), 'The trail ends in other heads than the page names.');
    say('good', 'Trail', trail.events + ' events, each with the hash that its content gives, each following the one before it. That events are missing at the end, or that all were written anew, is found only by a head that was kept elsewhere.');
    if (signatures.unknown > 0) say('bad', 'Signature', 'not checked: this browser has no Ed25519. Check with chainfold audit --file.');
    else {
      const others = [...signatures.keys].filter((key) => key !== sealer);
      const jobs = signatures.inJob === 0 ? ', and no event of the job is signed' : others.length === 0 ? ', and so is the job' : ', the job by ' + (await Promise.all(others.map(fingerprint))).join(', ');
      say('good', 'Signature', signatures.checked + ' signatures are by the keys that they name. This page is signed by ' + (await fingerprint(sealer)) + jobs + '. Compare this with the key that you know: anybody can make one.');
    }
    // A report tells the record up to the first wrong event, which alone would look right.
    const verdicts = main.match(/<div class="verdict( bad)?">/g) ?? [];
    must(verdicts.length === 1, 'The page does not say whether the record is right.');
    if (verdicts[0] !== '<div class="verdict">') {
      say('bad', 'Result', 'wrong: the report says that the record is not right.');
      result.dataset.result = 'wrong';
      return;
    }
    say(signatures.unknown > 0 ? 'bad' : 'good', 'Result', signatures.unknown > 0 ? 'what could be checked is right.' : 'right.');
    result.dataset.result = signatures.unknown > 0 ? 'unsigned' : 'right';
  };

  const button = document.getElementById('check');
  const check = async () => {
    button.disabled = true;
    result.replaceChildren();
    signatures.checked = signatures.unknown = signatures.inJob = 0;
    signatures.keys.clear();
    try {
      must(globalThis.crypto && crypto.subtle, 'This browser offers no SHA-256 here. Open the page from a file, or over https.');
      await report();
    } catch (error) {
      say('bad', 'Not right', error instanceof Flaw ? error.message : 'What is in this page cannot be read: ' + error.message);
      result.dataset.result = 'wrong';
    }
    button.disabled = false;
  };
  button.addEventListener('click', check);
  document.getElementById('checker').hidden = false;
  // Not before all of the page is there: what comes behind the script is looked at, too.
  if (location.hash === '#check') addEventListener('load', check);
})();
`;
