/** Path arithmetic on absolute paths, by text alone. Both separators are known, so that it is right on Windows as well. */
export const folderOf = (path: string): string => {
  const cut = lastSeparator(path);
  if (cut < 0) return path;
  return cut === 0 || /^[A-Za-z]:$/.test(path.slice(0, cut)) ? path.slice(0, cut + 1) : path.slice(0, cut);
};

export const nameOf = (path: string): string => path.slice(lastSeparator(path) + 1);

export const joinPath = (folder: string, name: string): string => {
  const separator = folder.includes('\\') && !folder.includes('/') ? '\\' : '/';
  return /[\\/]$/.test(folder) ? `${folder}${name}` : `${folder}${separator}${name}`;
};

/** Is the path the folder itself or below it? Both are absolute and without `.` and `..`. */
export const isInside = (path: string, folder: string): boolean => {
  if (path === folder) return true;
  const prefix = /[\\/]$/.test(folder)
    ? folder
    : `${folder}${folder.includes('\\') && !folder.includes('/') ? '\\' : '/'}`;
  return path.startsWith(prefix);
};

export const isAbsolute = (path: string): boolean =>
  path.startsWith('/') || /^[A-Za-z]:[\\/]/.test(path) || path.startsWith('\\\\');

const lastSeparator = (path: string): number =>
  isWindowsPath(path) ? Math.max(path.lastIndexOf('/'), path.lastIndexOf('\\')) : path.lastIndexOf('/');

const isWindowsPath = (path: string): boolean => /^[A-Za-z]:[\\/]/.test(path) || path.startsWith('\\\\');
