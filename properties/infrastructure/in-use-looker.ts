/** Prints who has the files given, and what this process cannot see of them: started as another user, in a name space of its own. */
import { OfdImageLocks } from '#infrastructure/locks/ofd-image-locks';

const locks = new OfdImageLocks();
const paths = process.argv.slice(2);
const [holders, missing] = [await locks.holdersOf(paths), await locks.missingProtection(paths)];
process.stdout.write(JSON.stringify({ holders, missing }));
