// A JSON module of a hundred thousand levels, imported by TypeScript.
// expect: completed true
// options: --cpu-ms 3000 --module deep.json=@DIR@/modules/deep.json
import deep from "./deep.json";
export default (): boolean => Array.isArray(deep as unknown[]);
