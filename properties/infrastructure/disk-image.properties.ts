import { VhdImages } from '../../infrastructure/disk-image/vhd-images.js';
import { diskImageContract } from '../contracts/disk-image.contract.js';

diskImageContract('a VHD', (files) => new VhdImages(files, 'posix'));
