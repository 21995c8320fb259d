import type { AuditReport, ReportedKey } from '#application/audit-report/report';
import type { Excerpt } from '#application/audit-report/excerpt';
import { inUnits } from '../cli/bytes-argument.js';
import { markup, text, type Html } from './html.js';
import { all, shortened } from './story.js';
import { code, exactSize, facts, moment, plural, table } from './words.js';

/** What was written, and how anyone can check that it is so. */
export const proof = (report: AuditReport): Html => markup`${blocks(report)}${heads(report)}${digests(report)}`;

const blocks = ({ chain, committed, verification, data, request }: AuditReport): Html =>
  markup`<section>
    <h2>Data</h2>
    ${facts([
      chain === null ? null : ['To merge', text(`${plural(chain.blocks, 'block')}, ${exactSize(chain.bytes)}`)],
      ['Committed', text(`${plural(committed.blocks, 'block')}, ${exactSize(committed.bytes)}`)],
      [
        'Verified',
        verification === null
          ? text(request?.options.verify === 'none' ? 'no, as was asked' : 'no')
          : verified(verification),
      ],
      viewDigest('View before', verification?.sourceViewDigest),
      viewDigest('View after', verification?.viewDigest),
      data === null ? null : ['Compared for this report', dataText(data)],
    ])}
  </section> `;

const viewDigest = (name: string, digest: string | null | undefined): readonly [string, Html] | null =>
  typeof digest === 'string' ? [name, code(digest)] : null;

const verified = ({ at, mode, blocks: count, bytes, readFrom }: NonNullable<AuditReport['verification']>): Html => {
  const what = mode === 'full' ? 'the whole view, and ' : '';
  const from =
    readFrom === 'device'
      ? 'from the device, past the page cache'
      : 'through the page cache: this file system offers no way past it';
  return markup`${text(`yes, ${what}${plural(count, 'block')}, ${inUnits(bytes)}, read back ${from}`)}, ${moment(at)}`;
};

const dataText = ({
  destination,
  blocks: count,
  bytes,
  differing,
  unreadable,
  changedSince,
}: NonNullable<AuditReport['data']>): Html => {
  if (unreadable !== null) return text(unreadable);
  if (destination === null) return text('there was no chain to compare with');
  const found =
    differing.length === 0
      ? 'each as recorded'
      : `${plural(differing.length, 'block')} not as recorded (first: ${String(differing[0])})`;
  const since = changedSince ? '; the file was changed after the merge' : '';
  return markup`${code(destination)}: ${text(`${plural(count, 'block')}, ${inUnits(bytes)}, ${found}${since}`)}`;
};

const heads = ({ streams, signature, knownHead, made }: AuditReport): Html =>
  markup`<section>
    <h2>Proof</h2>
    <p>
      Each event holds the hash of the one before it, so the hash of the last one stands for the whole history. Keep it
      where whoever can write the journal cannot: it shows later that nothing was cut off or rewritten.
    </p>
    ${facts([
      ...streams.map(
        ({ stream, events, revision, hash }) =>
          [
            stream.startsWith('control-') ? 'Head of requests' : 'Head',
            markup`${code(`${String(revision)}:${hash}`)}<span class="sub">${text(`${plural(events, 'event')} in ${stream}`)}</span>`,
          ] as const,
      ),
      ['Signed', signed(signature)],
      ...signature.keys.map((key) => ['Key of the job', keyText(key)] as const),
      ['Key of this report', keyText(made.key)],
      knownHead === null
        ? null
        : [
            'Known before',
            markup`${code(`${String(knownHead.revision)}:${knownHead.hash}`)}
            ${text(knownHead.holds ? 'still holds' : 'no longer holds')}`,
          ],
    ])}
  </section> `;

const keyText = ({ publicKey, fingerprint }: ReportedKey): Html =>
  markup`fingerprint ${code(fingerprint)}<span class="sub">Ed25519, base64: ${code(publicKey)}</span>`;

const signed = ({ state, lastSignedRevision, unsignedEnds }: AuditReport['signature']): Html => {
  if (state === 'unsigned' || lastSignedRevision === null) return text('no event of this job is signed');
  const before = unsignedEnds === 0 ? '' : `; ${plural(unsignedEnds, 'earlier end')} of runs without a signature`;
  return text(`everything up to event ${String(lastSignedRevision)}${before}`);
};

const digests = ({ blocks: excerpt, jobId }: AuditReport): Html | null =>
  excerpt.count === 0
    ? null
    : markup`<section>
        <h2>Digests of the blocks</h2>
        <p class="soft">SHA-256 of the sectors that were merged, in ascending order.</p>
        ${shortened(excerpt, 'block', `All of them: chainfold events ${jobId} --json`)}${digestTable(excerpt)}
      </section> `;

const digestTable = (excerpt: Excerpt<AuditReport['blocks']['first'][number]>): Html =>
  table(
    [{ name: 'Block', kind: 'number' }, { name: 'Size' }, { name: 'SHA-256' }],
    all(excerpt).map(({ block, bytes, digest, repair }) => [
      markup`${block}`,
      text(inUnits(bytes)),
      markup`${code(digest.replace(/^sha256:/, ''))}${repair ? markup`<span class="sub">merged again</span>` : null}`,
    ]),
  );
