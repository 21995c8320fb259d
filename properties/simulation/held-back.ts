import type { OpenFile } from '#application/ports/file-system';

/** A file whose first read has its bytes when `hasRead` is fulfilled, and hands them out when `goOn` is called. */
export const heldBack = (
  file: OpenFile,
): { readonly file: OpenFile; readonly hasRead: Promise<void>; readonly goOn: () => void } => {
  const [read, going] = [gate(), gate()];
  const slow: OpenFile = {
    ...file,
    read: async (into, position) => {
      const got = await file.read(into, position);
      read.open();
      await going.passed;
      return got;
    },
  };
  return { file: slow, hasRead: read.passed, goOn: going.open };
};

const gate = (): { readonly passed: Promise<void>; readonly open: () => void } => {
  let open = (): void => undefined;
  const passed = new Promise<void>((resolve) => {
    open = resolve;
  });
  return {
    passed,
    open: () => {
      open();
    },
  };
};
