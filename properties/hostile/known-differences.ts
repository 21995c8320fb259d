/**
 * Where the product and the plain readers answer differently about an image, by design of one of them. Everything else is a breach.
 * `ours` is the product's word (`read`, a kind of refusal, `damaged:` with a flaw), `plain` that of the plain readers.
 */
export type KnownDifference = {
  readonly ours: string | RegExp;
  readonly plain: string | RegExp;
  /** What the one that refuses says. */
  readonly detail?: { readonly test: (detail: string) => boolean };
  readonly why: string;
};

export const KNOWN_DIFFERENCES: readonly KnownDifference[] = [
  {
    ours: /^(parent-not-found|chain-cycle)$/,
    plain: 'read',
    why: 'The plain readers are told which files make the chain; where a child says its parent is, only the product asks.',
  },
  {
    ours: 'read',
    plain: 'overlap',
    detail:
      /^(?!(head footer|dynamic header|BAT|batmap|block \d+) )[\s\S]* begins at|inside (?!head footer$|dynamic header$|BAT$|batmap|block \d+$)/,
    why: 'A locator that lies over another structure is only a path that leads nowhere: it is read, and never written in place.',
  },
  {
    ours: 'read',
    plain: 'log target',
    detail: /^(FlushedFileOffset|LastFileOffset) is \d+$/,
    why: 'Sizes of the file that are no whole MiB: what they bound is bounded all the same.',
  },
  {
    ours: 'read',
    plain: 'overlap',
    detail: /^batmap begins at|inside batmap$/,
    why: 'A batmap that lies over another structure: it is a hint, by which nothing is read and which is never written.',
  },
  {
    ours: 'read',
    plain: 'entry out of range',
    detail: { test: (detail) => beginsInFile(/^block \d+ is at (\d+), the file has (\d+) bytes$/.exec(detail)) },
    why: 'The file ends in its last block, with the last sector of the disk: so QEMU leaves fixed files. The content is compared.',
  },
  {
    ours: 'read',
    plain: 'block state',
    detail: /^bitmap block \d+ is in state 7$/,
    why: "7 in the place of 6, as Microsoft's own reader takes it (FORMATS.md B5).",
  },
  {
    ours: 'read',
    plain: 'unknown required item',
    detail: /^item da02d7bc-3d3a-423c-ac88-2a36ab21479b$/,
    why: "Microsoft's private item of cylinders, heads and sectors, which says nothing about the content (FORMATS.md B4).",
  },
  {
    ours: 'read',
    plain: 'parent locator',
    detail: /^a pair with offsets/,
    why: "A text that lies over the locator's own table: inside the item all the same, and only a hint where the parent lies.",
  },
  {
    ours: 'read',
    plain: 'unreadable',
    detail: /unknown dynamic header version/,
    why: 'Another minor version of the dynamic header; of the two the major one says whether it can be read.',
  },
  {
    ours: 'not-a-virtual-disk',
    plain: 'read',
    detail: /this is no regular file/,
    why: 'A parent path that names a folder.',
  },
  {
    ours: 'damaged: encrypted',
    plain: 'read',
    why: 'The plain reader does not know the key hash in the batmap of XenServer.',
  },
  {
    ours: 'damaged: unsupported-writer',
    plain: 'read',
    why: 'Nor that XenServer before 1.0 counted the bits of its bitmaps the other way round.',
  },
  {
    ours: 'damaged: bat-offset',
    plain: 'read',
    detail: /batmap/,
    why: 'The plain reader does not ask whether a batmap lies inside the file.',
  },
  {
    ours: 'damaged: bat-entry-out-of-range',
    plain: 'read',
    detail: /no block beyond the \d+ of the disk/,
    why: 'Entries behind the last block of the disk are padding to the plain reader; a block there is one that nobody reads.',
  },
  {
    ours: 'damaged: bat-entry-out-of-range',
    plain: 'read',
    detail: /no block over the metadata/,
    why: 'A locator owns all the space that its entry says; the plain reader knows its text only.',
  },
  {
    ours: 'damaged: footer-corrupt',
    plain: 'read',
    detail: /original size below 2\^53|data offset of all ones in a fixed disk/,
    why: 'The plain reader does not look at these fields.',
  },
  {
    ours: 'damaged: footer-checksum',
    plain: 'read',
    why: 'The tail is damaged and the head has one of those fields: the product refuses both, and tells of the tail.',
  },
  {
    ours: 'damaged: region-table',
    plain: 'read',
    detail: /Required 0 or 1/,
    why: 'The plain reader takes the lowest bit of the word and does not ask for the others, which are reserved.',
  },
  {
    ours: 'damaged: metadata-table',
    plain: 'read',
    detail: /IsVirtualDisk bit|reserved/i,
    why: 'The plain reader does not ask which flags a known item has, nor for reserved fields of the table.',
  },
  {
    ours: 'damaged: disk-parameters',
    plain: 'read',
    detail: /no bits but LeaveBlockAllocated and HasParent/,
    why: 'The plain reader does not look at reserved bits there.',
  },
  {
    ours: 'damaged: parent-locator',
    plain: 'read',
    detail: /a GUID in parent_linkage/,
    why: 'The plain reader is content with the one of two linkages that it understands.',
  },
  {
    ours: 'damaged: bat-offset',
    plain: 'read',
    detail: /a table off all other structures/,
    why: 'As above: the table lies in the space of a locator, or of a batmap.',
  },
  {
    ours: 'damaged: bat-entry-out-of-range',
    plain: 'read',
    detail: /an offset below 256 TiB/,
    why: 'An entry without a place whose reserved offset is beyond all bounds: refused, because its low bits would not be exact.',
  },
  {
    ours: 'damaged: block-size',
    plain: 'read',
    detail: /4 KiB to 256 MiB/,
    why: 'A policy of FORMATS.md Part E: blocks that no program writes.',
  },
  {
    ours: 'damaged: parent-identity-zero',
    plain: 'read',
    detail: /VHDX parent locator/,
    why: 'A zero parent_linkage beside a parent_linkage2 that is right: nobody writes that, and the zero GUID never matches.',
  },
  {
    ours: /^damaged: (log-entry|log-too-large)$/,
    plain: 'read',
    why: 'A policy of FORMATS.md Part E: how much a log may ask for.',
  },
  {
    ours: 'damaged: log-corrupt',
    plain: 'read',
    detail: /one sequence with the greatest number/,
    why: 'Two sequences that end with one number: which of them is the newer nobody can say. The plain reader takes one.',
  },
  {
    ours: 'damaged: too-small',
    plain: 'read',
    detail: /before the tail/,
    why: 'A file that lost its end and its tail footer with it, too short for a block: the plain reader has no such bound.',
  },
];

const beginsInFile = (found: RegExpExecArray | null): boolean => found !== null && Number(found[1]) < Number(found[2]);

export const isKnownDifference = (ours: string, plain: string, detail: string): boolean =>
  KNOWN_DIFFERENCES.some(
    (known) => matches(known.ours, ours) && matches(known.plain, plain) && (known.detail?.test(detail) ?? true),
  );

const matches = (pattern: string | RegExp, word: string): boolean =>
  typeof pattern === 'string' ? pattern === word : pattern.test(word);
