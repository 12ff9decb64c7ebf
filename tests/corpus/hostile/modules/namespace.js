export let count = 0;
export const add = () => ++count;
export { count as then0 };
