/**
 * chainfold as a library: `Msvm_ImageManagementService.MergeVirtualHardDisk` without Hyper-V. See the README for an example.
 */
export {
  ImageManagementService,
  type MergeAnswered,
  type ParentSet,
  type ServiceOptions,
} from './infrastructure/library/image-management-service.js';
export { ConcreteJob } from './infrastructure/library/concrete-job.js';
export {
  JOB_STATE,
  REQUESTED_STATE,
  STATE_CHANGE,
  type JobState,
  type StateChangeReturn,
} from './infrastructure/library/cim.js';
export type { MsvmError } from './infrastructure/library/msvm-error.js';
export { RETURN_CODE, type ReturnCode, type HResult } from './domain/return-code.js';
export type { MergeError, MergeErrorKind } from './domain/merge-error.js';
export type { MergeOptions, MergeJobEvent } from './domain/merge-job/events.js';
export type { ProgressTick, MergeStage } from './application/progress/merge-progress.js';
