/** Where the page and its API are, unless another port is named. */
export const CONSOLE_PORT = 7070
