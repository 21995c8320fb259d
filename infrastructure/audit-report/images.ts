import type { AuditReport, ReportedImage, ReportedRetirement, ReportedStep } from '#application/audit-report/report';
import type { MergeOptions } from '#domain/merge-job/events';
import { inUnits } from '../cli/bytes-argument.js';
import { markup, text, type Html } from './html.js';
import { code, exactSize, facts, moment, momentInTable, table } from './words.js';

/** What was merged into what, and with which options. */
export const images = (report: AuditReport): Html =>
  markup`${chain(report)}${destination(report)}${children(report)}${retired(report)}${options(report)}`;

const chain = ({ chain: accepted }: AuditReport): Html | null =>
  accepted === null
    ? null
    : markup`<section>
        <h2>Images</h2>
        <p class="soft">
          As they were when the merge began, ${moment(accepted.at)}. Data of an image nearer to the source wins.
        </p>
        ${table(
          [{ name: 'Role' }, { name: 'Path', kind: 'half the width' }, { name: 'Format' }, { name: 'Size' }],
          accepted.images.map((image) => [
            text(image.role.charAt(0).toUpperCase() + image.role.slice(1)),
            markup`${code(image.path)}<span class="sub">identity ${code(image.identity)}</span>`,
            markup`${text(image.format.toUpperCase())}<span class="sub">${text(image.type)}</span>`,
            markup`${text(inUnits(image.virtualSizeBytes))}<span class="sub">${text(sizes(image))}</span>`,
          ]),
        )}
        ${accepted.missingProtection.map((sentence) => markup`<p>Not protected on this host: ${text(sentence)}</p> `)}
      </section> `;

const sizes = ({ blockSizeBytes, logicalSectorSize, file }: ReportedImage): string =>
  `${inUnits(file.sizeBytes)} file, ${blockSizeBytes === null ? '' : `${inUnits(blockSizeBytes)} blocks, `}${String(logicalSectorSize)}-byte sectors`;

const destination = ({ chain: accepted, destinationAfter: after }: AuditReport): Html | null => {
  const before = accepted?.images.find(({ role }) => role === 'destination');
  if (before === undefined || after === null) return null;
  const row = (name: string, one: Html, other: Html): readonly Html[] => [text(name), one, other];
  return markup`<section>
    <h3>The destination before and after</h3>
    ${table(
      [{ name: '' }, { name: 'Before' }, { name: 'After' }],
      [
        row('Virtual size', text(exactSize(before.virtualSizeBytes)), text(exactSize(after.virtualSizeBytes))),
        row('File size', text(exactSize(before.file.sizeBytes)), text(exactSize(after.file.sizeBytes))),
        row('Identity', code(before.identity), code(after.identity)),
        row('Changed', moment(millisecondsOf(before.file.mtimeNs)), moment(millisecondsOf(after.file.mtimeNs))),
        row('Inode', text(before.file.ino), text(after.file.ino)),
      ],
    )}
  </section> `;
};

/** A number of so many digits is no time, which `moment` says, and is not worth the work of reading it. */
const millisecondsOf = (ns: string): number => (/^\d{1,30}$/.test(ns) ? Number(BigInt(ns) / 1_000_000n) : NaN);

const STEP: Readonly<Record<ReportedStep['step'], string>> = {
  intended: 'intended, not recorded as done',
  done: 'done',
};

const children = ({ children: steps }: AuditReport): Html | null =>
  steps.length === 0
    ? null
    : markup`<section>
        <h3>Children that follow the destination now</h3>
        ${table(
          [{ name: 'Path' }, { name: 'Step' }, { name: 'At, UTC' }],
          steps.map(({ path, step, at }) => [code(path), text(STEP[step]), momentInTable(at)]),
        )}
      </section> `;

const retired = ({ retired: steps }: AuditReport): Html | null =>
  steps.length === 0
    ? null
    : markup`<section>
        <h3>Retired sources</h3>
        ${table(
          [{ name: 'Path' }, { name: 'What became of it' }, { name: 'At, UTC' }],
          steps.map((step) => [code(step.path), fate(step), momentInTable(step.at)]),
        )}
      </section> `;

const fate = ({ action, target, step }: ReportedRetirement): Html => {
  const deed =
    action === 'delete' ? text('removed') : markup`renamed to ${target === null ? text('another name') : code(target)}`;
  return step === 'done' ? deed : markup`to be ${deed}; not recorded as done`;
};

const options = ({ request, chain: accepted }: AuditReport): Html | null =>
  request === null
    ? null
    : markup`<section>
        <h2>What was asked for</h2>
        ${facts([
          ['Source', code(request.source)],
          ['Destination', code(request.destination)],
          ['By', markup`${text(request.user)} on ${text(request.host)}, process ${request.pid}`],
          ['With', text(`chainfold ${request.appVersion}, ${DOORS[request.door]}`)],
          ...optionRows(request.options),
          accepted === null
            ? null
            : [
                'Space',
                text(
                  `${inUnits(accepted.spaceNeededBytes)} needed, ${inUnits(accepted.spaceFreeBytes)} free; ${String(accepted.newBlocks)} new blocks`,
                ),
              ],
        ])}
      </section> `;

const DOORS = { cli: 'command line', library: 'as a library', service: 'as a service' } as const;

const optionRows = (options: MergeOptions): readonly (readonly [string, Html] | null)[] => [
  ['Verify', text(options.verify)],
  ['Retire sources', text(options.retire)],
  ['Re-parent children', text(options.reparent)],
  ['Window', text(exactSize(options.windowBytes))],
  ['Rate', text(options.rateBytesPerSecond === null ? 'no limit' : `${inUnits(options.rateBytesPerSecond)} a second`)],
  ...options.allowedSiblings.map((path) => ['Allowed sibling', code(path)] as const),
  options.allowSuperseded ? ['Superseded source', text('allowed')] : null,
  ...options.roots.map((folder) => ['Root', code(folder)] as const),
  ...(options.maps ?? []).map(({ stored, path }) => ['Map', markup`${code(stored)} is ${code(path)}`] as const),
];
