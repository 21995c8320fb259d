/** A case that our own reasoning rules out: a bug if it is ever reached, and at compile time an exhaustiveness check. */
export const unreachable = (value: never): never => {
  throw new Error(`Bug: unreachable case ${JSON.stringify(value)}`);
};
