/** Who and where we are, for the audit trail. */
export interface Host {
  readonly name: string;
  readonly user: string;
  readonly pid: number;
  /** Changes with every boot of the machine: device numbers mean something only within one. */
  readonly bootId: string;
  readonly engineVersion: string;
  readonly door: 'cli' | 'library' | 'service';
  /** Is a process with this id running on this host? */
  isRunning(pid: number): boolean;
}
