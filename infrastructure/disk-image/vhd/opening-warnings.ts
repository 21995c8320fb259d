import type { DynamicHeader } from '#domain/disk-format/vhd/dynamic-header';
import { type Footer, SECTOR_BYTES } from '#domain/disk-format/vhd/footer';
import type { FooterChoice, FooterWarning } from '#domain/disk-format/vhd/footer-copies';
import { KIB, MIB } from '#domain/quantities';

const SENTENCE_OF = {
  'tail-damaged': 'The footer at the end of the file is missing or damaged; its copy in the first sector was used.',
  'head-damaged': 'The copy of the footer in the first sector is damaged; the footer at the end was used.',
  'copies-differ': 'The two copies of the footer differ; the one at the end of the file was used.',
  'short-footer': 'The footer has 511 bytes, as programs before 2004 wrote it.',
  'fixed-disk-starts-with-footer':
    'The first sector of this fixed disk looks like a VHD footer: the guest keeps a VHD there, or this is a dynamic disk that has lost its tail.',
} as const satisfies Record<FooterWarning, string>;

const NIL_UUID = '00000000-0000-0000-0000-000000000000';

/** What is not as it should be, but can be read all the same. One sentence each. */
export const openingWarnings = (
  { footer, warnings }: FooterChoice,
  header: DynamicHeader | null,
): readonly string[] => [
  ...warnings.map((warning) => SENTENCE_OF[warning]),
  ...(footer.uniqueId === NIL_UUID
    ? ['The unique id is zero: nobody can verify that this is the parent of a child.']
    : []),
  ...geometryWarning(footer),
  ...(header === null ? [] : blockSizeWarning(header)),
];

/** Virtual PC takes a disk's size from its geometry. Merging must not lose sectors, so the current size is used all the same. */
const geometryWarning = ({ creatorApplication, geometry, currentSizeBytes }: Footer): readonly string[] => {
  const { cylinders, heads, sectorsPerTrack } = geometry;
  const bytes = cylinders * heads * sectorsPerTrack * SECTOR_BYTES;
  return creatorApplication === 'vpc ' && bytes < currentSizeBytes
    ? [`Virtual PC sees ${bytes} bytes of this disk (its geometry); all ${currentSizeBytes} are used here.`]
    : [];
};

const blockSizeWarning = ({ blockSizeBytes }: DynamicHeader): readonly string[] =>
  blockSizeBytes === 512 * KIB || blockSizeBytes === 2 * MIB
    ? []
    : [`Blocks of ${blockSizeBytes / KIB} KiB are allowed but rare: some programs read blocks of 2 MiB only.`];
