/** A failure that the user can do something about: shown without a stack. */
export class LaunchFailure extends Error {}
