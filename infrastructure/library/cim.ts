/** Words and numbers of the CIM job model, as `Msvm_StorageJob` uses them. */

/** CIM_ConcreteJob.JobState. */
export const JOB_STATE = {
  new: 2,
  starting: 3,
  running: 4,
  suspended: 5,
  shuttingDown: 6,
  completed: 7,
  terminated: 8,
  killed: 9,
  exception: 10,
} as const;
export type JobState = (typeof JOB_STATE)[keyof typeof JOB_STATE];

/** RequestStateChange, RequestedState. */
export const REQUESTED_STATE = { start: 2, suspend: 3, terminate: 4, kill: 5, service: 6 } as const;

/** RequestStateChange, return value. */
export const STATE_CHANGE = {
  completed: 0,
  notSupported: 1,
  unknownError: 2,
  invalidParameter: 5,
  transitionStarted: 4096,
  invalidTransition: 4097,
  timeoutNotSupported: 4098,
} as const;
export type StateChangeReturn = (typeof STATE_CHANGE)[keyof typeof STATE_CHANGE];

/** CIM interval text, `ddddddddHHMMSS.mmmmmm:000`, of a span in milliseconds. */
export const cimInterval = (milliseconds: number): string => {
  const whole = Math.max(0, Math.floor(milliseconds));
  const pad = (value: number, digits: number): string => String(value).padStart(digits, '0');
  const seconds = Math.floor(whole / 1000);
  const days = Math.floor(seconds / 86_400);
  const clock = pad(Math.floor(seconds / 3600) % 24, 2) + pad(Math.floor(seconds / 60) % 60, 2) + pad(seconds % 60, 2);
  return `${pad(days, 8)}${clock}.${pad((whole % 1000) * 1000, 6)}:000`;
};

/** CIM time stamp text in UTC, `yyyymmddHHMMSS.mmmmmm+000`, of milliseconds since 1970. */
export const cimTimestamp = (milliseconds: number): string => {
  const iso = new Date(milliseconds).toISOString();
  return `${iso.slice(0, 19).replaceAll(/[-T:]/g, '')}.${iso.slice(20, 23)}000+000`;
};
