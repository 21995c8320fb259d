import { FormatImages } from '../../infrastructure/disk-image/format-images.js';
import { diskImageContract } from '../contracts/disk-image.contract.js';
import { vhdWorld } from '../contracts/vhd-world.js';
import { vhdxWorld } from '../contracts/vhdx-world.js';
import { guids } from '../simulation/vhdx-sessions.js';

diskImageContract('a VHD', (files) => new FormatImages(files, 'posix', guids()), vhdWorld);
diskImageContract('a VHDX', (files) => new FormatImages(files, 'posix', guids()), vhdxWorld);
