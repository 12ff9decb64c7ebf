// Generics, casts, enums and decorator-like text that confuse strippers.
// expect: completed {"a":1,"b":2,"lt":true,"e":3,"s":"<T>(x: T): T"}
enum E { X = 3 }
type F<T> = { [K in keyof T]: T[K] extends (infer U)[] ? U : never };
const id = <T,>(x: T): T => x;
abstract class A<T> { protected constructor(private readonly v: T) {} get(this: A<T>): T { return this.v; } }
class B extends A<number> { constructor() { super(2); } }
export default (_: unknown): object => {
  const a = id<number>(1)!, c = 1 as unknown as number;
  const lt = a < 2 && (3) > (c as any);
  return { a, b: new B().get(), lt, e: E.X satisfies number, s: "<T>(x: T): T" } as const;
};
