/** What the compiler infers, asserted: for the tests of types. */
type Equal<A, B> =
  (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : { expected: B; got: A }

/** Compiles when `T` is exactly `U`: `typeOf(stream).is<Stream<string, number>>(true)`. */
export function typeOf<T>(_value: T): { is<U>(same: Equal<T, U>): void } {
  return { is() {} }
}
