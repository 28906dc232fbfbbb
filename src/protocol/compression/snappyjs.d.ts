/** The part of snappyjs that is used; the package ships no types. */
declare module 'snappyjs' {
  const snappyjs: { compress(bytes: Uint8Array): Uint8Array }
  export default snappyjs
}
