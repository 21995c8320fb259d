/** Where a path that a program on another machine stored lies on this one: `C:\VMs` is `/srv/vms`. */
export interface PathMap {
  /** A drive, a folder on a drive, a share (`\\server\share`) or a volume (`\\?\Volume{…}`), as Windows writes it. */
  readonly stored: string;
  /** A folder of this host, absolute. */
  readonly path: string;
}
