import { scratchFolder } from '../models/scratch-folder.js';
import { FORMATS } from './in-use-chains.js';
import { HOLDER_KINDS } from './in-use-holders.js';
import { describeHolder } from './in-use-matrix.js';

const scratch = scratchFolder();
for (const kind of HOLDER_KINDS) describeHolder(kind, FORMATS, scratch);
